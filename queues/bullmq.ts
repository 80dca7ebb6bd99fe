/** Pointers through BullMQ on Redis. Only this file and its folder know it. */
import { type ConnectionOptions, Queue } from "bullmq"
import type { Redis } from "ioredis"
import { inTime, unavailable } from "./bullmq/in-time.ts"
import { type HandBackPolicy, OpenIntakes } from "./bullmq/intakes.ts"
import { connectRedis, type RedisEvents } from "./redis.ts"
import type { Intake, IntakeOpener, Parcel, Take, Transport } from "./transport.ts"

export interface BullOptions {
  /** `redis://` or `rediss://`, with user and password where they are needed */
  url: string
  /** of every key; the server's and its workers' are the same */
  prefix: string
  events: BullEvents
  /** ms for which a job is its worker's without word from it; absent: 15 s */
  lock?: number
  /** absent: after 1 s, then twice as long each time up to half a minute, for two minutes in all */
  handBack?: Partial<HandBackPolicy>
}

export interface BullEvents extends RedisEvents {
  /** BullMQ met a fault that it goes on after, such as a job that is no longer this worker's; a lost connection tells it many times */
  trouble(error: Error): void
}

const HAND_BACK: HandBackPolicy = { baseDelay: 1_000, maxDelay: 30_000, maxAttempts: 9 }

/** The server's end. It connects at once and waits for nothing. */
export function createBullTransport(options: BullOptions): Transport {
  return new BullTransport(options)
}

/** The workers' end. */
export function createBullIntakes(options: BullOptions): IntakeOpener {
  return new BullIntakes(options)
}

class BullTransport implements Transport {
  readonly #redis: Redis
  readonly #prefix: string
  readonly #queues = new Map<string, Queue>()
  readonly #onError: (error: Error) => void
  readonly #listeners = new Set<() => void>()

  constructor({ url, prefix, events }: BullOptions) {
    this.#prefix = prefix
    this.#onError = (error) => events.trouble(error)
    // A command that cannot go now fails now: nothing that awaits Redis may hang (RELIABILITY F10).
    this.#redis = connectRedis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 }, events)
    this.#redis.on("ready", () => {
      for (const listener of this.#listeners) listener()
    })
  }

  get isReady(): boolean {
    return this.#redis.status === "ready"
  }

  onReady(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async send(queue: string, parcels: Parcel[]): Promise<void> {
    const jobs = parcels.map(({ id, pointer }) => ({
      name: pointer.kind,
      data: pointer,
      opts: { jobId: id, attempts: 1, removeOnComplete: true, removeOnFail: true },
    }))
    await inTime(this.#queue(queue).addBulk(jobs))
  }

  async missing(queue: string, ids: string[]): Promise<string[]> {
    const open = this.#queue(queue)
    const pipeline = this.#redis.pipeline()
    for (const id of ids) pipeline.exists(open.toKey(id))
    const answers = (await inTime(pipeline.exec())) ?? []
    return ids.filter((_, index) => {
      const [error, count] = answers[index] ?? [new Error("Redis gave no answer.")]
      if (error) throw unavailable(error)
      return count === 0
    })
  }

  async prepare(queue: string): Promise<void> {
    const open = this.#queue(queue)
    // A queue that was being forgotten when the connection broke stays paused, and nothing else would tell.
    if (await inTime(open.isPaused())) await inTime(open.resume())
  }

  async forget(queue: string): Promise<void> {
    const open = this.#queue(queue)
    await inTime(open.obliterate({ force: true }))
    this.#queues.delete(queue)
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }

  #queue(name: string): Queue {
    let queue = this.#queues.get(name)
    if (!queue) {
      queue = new Queue(name, {
        connection: this.#redis as ConnectionOptions,
        prefix: this.#prefix,
        // Together with the connection's own settings: fails at once while Redis is away, and works once it is there.
        skipWaitingForReady: true,
        skipVersionCheck: true,
        skipMetasUpdate: true,
      })
      queue.on("error", this.#onError)
      this.#queues.set(name, queue)
    }
    return queue
  }
}

class BullIntakes implements IntakeOpener {
  readonly #open: OpenIntakes
  readonly #handBack: HandBackPolicy

  constructor(options: BullOptions) {
    this.#open = new OpenIntakes(options)
    this.#handBack = { ...HAND_BACK, ...options.handBack }
  }

  open(queue: string, { concurrency, take }: { concurrency: number; take: Take }): Intake {
    return this.#open.open(queue, {
      concurrency,
      handBack: this.#handBack,
      run: (job, signal) => take({ id: job.id ?? "", pointer: job.data }, signal),
      // The server finds that it is gone, and sends it again in its own words.
      giveUp: () => {},
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    })
  }

  close(): Promise<void> {
    return this.#open.close()
  }
}
