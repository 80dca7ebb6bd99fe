/** Pointers through BullMQ on Redis. Only this file and its folder know it. */
import { type ConnectionOptions, type Job, Queue, Worker } from "bullmq"
import type { Redis } from "ioredis"
import { closeWorker } from "./bullmq/close-worker.ts"
import { inTime, unavailable } from "./bullmq/in-time.ts"
import { connectRedis, type RedisEvents } from "./redis.ts"
import type { Delivery, Intake, IntakeOpener, Parcel, Take, Transport } from "./transport.ts"

export interface BullOptions {
  /** `redis://` or `rediss://`, with user and password where they are needed */
  url: string
  /** of every key; the server's and its workers' are the same */
  prefix: string
  events: BullEvents
}

export interface BullEvents extends RedisEvents {
  /** BullMQ met a fault that it goes on after, such as a job that is no longer this worker's; a lost connection tells it many times */
  trouble(error: Error): void
}

/** ms for which a job is its worker's without word from it */
const LOCK = 15_000
/** ms between two looks for jobs whose lock is over */
const STALLED_EVERY = 5_000
/** ms that a worker waits for a job in one command */
const DRAIN_SECONDS = 5

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

  async limit(queue: string, concurrency: number): Promise<void> {
    const open = this.#queue(queue)
    await inTime(open.setGlobalConcurrency(concurrency))
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
  readonly #options: BullOptions
  readonly #redis: Redis
  readonly #intakes = new Set<Intake>()

  constructor(options: BullOptions) {
    this.#options = options
    this.#redis = connectRedis(options.url, { maxRetriesPerRequest: null }, options.events)
  }

  open(queue: string, { concurrency, take }: { concurrency: number; take: Take }): Intake {
    const worker = new Worker(queue, (job, _token, signal) => deliver(job, take, signal), {
      connection: this.#redis as ConnectionOptions,
      prefix: this.#options.prefix,
      concurrency,
      lockDuration: LOCK,
      stalledInterval: STALLED_EVERY,
      // What the outbox holds is never given up here (RELIABILITY F12).
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: DRAIN_SECONDS,
      skipVersionCheck: true,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    })
    worker.on("error", (error) => this.#options.events.trouble(error))
    worker.on("lockRenewalFailed", (ids: string[]) => {
      for (const id of ids) worker.cancelJob(id, "The lock is lost.")
    })
    const intake: Intake = {
      pause: () => void worker.pause(true).catch(() => {}),
      close: async () => {
        this.#intakes.delete(intake)
        await closeWorker(worker)
      },
    }
    this.#intakes.add(intake)
    return intake
  }

  async close(): Promise<void> {
    await Promise.all([...this.#intakes].map((intake) => intake.close()))
    this.#redis.disconnect()
  }
}

async function deliver(job: Job, take: Take, signal: AbortSignal | undefined): Promise<void> {
  const delivery: Delivery = { id: job.id ?? "", pointer: job.data }
  await take(delivery, signal ?? new AbortController().signal)
}
