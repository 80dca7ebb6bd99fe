/**
 * Puts by reference through BullMQ: the end of those who ask for them. An id is held for a day after its put has ended; until then the same
 * id is the same put. Of an ended put only the outcome is kept, and a fingerprint that tells another put under the same id.
 */
import { createHash } from "node:crypto"
import { type ConnectionOptions, Job, Queue } from "bullmq"
import type { Redis } from "ioredis"
import { abortError, ConflictError, StoredError, throwIfAborted } from "../../src/core/error.ts"
import {
  INGEST_QUEUE,
  INGEST_TRIES,
  type IngestOutcome,
  type IngestPayload,
  type IngestQueue,
  ingestFailureSchema,
} from "../ingest.ts"
import { connectRedis } from "../redis.ts"
import { COMMAND_DEADLINE, inTime } from "./in-time.ts"

export interface BullIngestQueueOptions {
  url: string
  prefix: string
  /** ms that one call may take */
  deadline?: number
}

/** s */
const DAY = 86_400
/** Ended puts of each kind that are kept at most, however young. */
const MOST_ENDED = 10_000
const KEPT = { age: DAY, count: MOST_ENDED }

/** Connects at once. @throws StoredError INVALID_CONFIG where the URL is none */
export function createBullIngestQueue(options: BullIngestQueueOptions): IngestQueue {
  return new BullIngestQueue(options)
}

/** What an ended put leaves of its payload: neither bytes nor an address that may open something. */
export function remainder(data: unknown): { ended: true; fingerprint: string } {
  return { ended: true, fingerprint: fingerprintOf(data) }
}

class BullIngestQueue implements IngestQueue {
  readonly #redis: Redis
  readonly #queue: Queue
  readonly #deadline: number
  readonly #closed = new AbortController()
  #fault: Error | null = null

  constructor({ url, prefix, deadline = COMMAND_DEADLINE }: BullIngestQueueOptions) {
    this.#deadline = deadline
    // A command that cannot go now fails now; what waits for the connection waits here, with a deadline (RELIABILITY F10).
    this.#redis = connectRedis(
      url,
      { enableOfflineQueue: false, maxRetriesPerRequest: 0 },
      {
        lost: (error) => {
          this.#fault = error
        },
        found: () => {
          this.#fault = null
        },
      },
    )
    this.#queue = new Queue(INGEST_QUEUE, {
      connection: this.#redis as ConnectionOptions,
      prefix,
      skipWaitingForReady: true,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    })
    // Told by the command that fails, too.
    this.#queue.on("error", (error) => {
      this.#fault = error
    })
  }

  async add(payload: IngestPayload, signal?: AbortSignal): Promise<void> {
    await this.#within(signal, async () => {
      await this.#queue.add(payload.kind, payload, {
        jobId: jobIdOf(payload.id),
        attempts: INGEST_TRIES,
        backoff: { type: "custom" },
        removeOnComplete: KEPT,
        removeOnFail: KEPT,
        // Stacks would keep the message a second time.
        stackTraceLimit: 0,
      })
      // Redis keeps what was there before and says nothing: the job that `add` gives is the new one all the same.
      const held = await Job.fromId(this.#queue, jobIdOf(payload.id))
      if (held && fingerprintOf(held.data) !== fingerprintOf(payload)) throw taken(payload.id)
    })
  }

  outcome(id: string, signal?: AbortSignal): Promise<IngestOutcome> {
    return this.#within(signal, async () => {
      // The state first: a result that is read before it may be one that is not there yet.
      const state = await this.#queue.getJobState(jobIdOf(id))
      if (state === "unknown") return { state }
      if (state === "active") return { state }
      if (state !== "completed" && state !== "failed") return { state: "waiting" }
      const job = await Job.fromId(this.#queue, jobIdOf(id))
      if (!job) return { state: "unknown" }
      return state === "completed"
        ? { state: "done", result: job.returnvalue as unknown }
        : { state: "failed", error: failureOf(job.failedReason) }
    })
  }

  close(): void {
    this.#closed.abort(new StoredError("CLOSED", "The client is closing."))
    this.#redis.disconnect()
  }

  /** @throws StoredError what `work` throws; TIMEOUT, BACKEND_UNAVAILABLE, ABORTED, CLOSED */
  async #within<Result>(signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> {
    const ends = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal
    throwIfAborted(ends)
    const { promise: ended, reject } = Promise.withResolvers<never>()
    // Nobody may be listening when it comes.
    ended.catch(() => {})
    const end = (): void => reject(abortError(ends))
    ends.addEventListener("abort", end, { once: true })
    const until = performance.now() + this.#deadline
    try {
      await Promise.race([this.#ready(), ended])
      return await Promise.race([inTime(work(), until - performance.now()), ended])
    } catch (error) {
      throwIfAborted(ends)
      throw error
    } finally {
      ends.removeEventListener("abort", end)
    }
  }

  async #ready(): Promise<void> {
    if (this.#redis.status === "ready") return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => reject(this.#away()), this.#deadline)
    this.#redis.once("ready", resolve)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.#redis.off("ready", resolve)
    }
  }

  #away(): StoredError {
    const reason = this.#fault?.message || "no connection"
    return new StoredError("BACKEND_UNAVAILABLE", `Redis does not answer within ${this.#deadline} ms (${reason}).`, {
      retryable: true,
      cause: this.#fault ?? undefined,
    })
  }
}

/** Ids of digits only, which BullMQ refuses, become others. */
function jobIdOf(id: string): string {
  return `ingest-${id}`
}

/** Of what a job holds: the whole payload, or what is left of it. */
function fingerprintOf(data: unknown): string {
  if (typeof data === "object" && data !== null && "fingerprint" in data) return String(data.fingerprint)
  return createHash("sha256").update(canonical(data)).digest("hex")
}

/** JSON in which the order of names says nothing. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}

function taken(id: string): StoredError {
  return new ConflictError(`The id "${id}" is that of another put; choose another id, or leave it out.`, {
    details: { id },
  })
}

/** Written by a worker of ours, or by BullMQ itself, or by anybody. */
function failureOf(reason: string | undefined): StoredError {
  try {
    const { code, message, retryable, details } = ingestFailureSchema.parse(JSON.parse(reason ?? ""))
    return new StoredError(code, message, { retryable, details })
  } catch (cause) {
    return new StoredError("INTERNAL", "The put failed, and the queue does not say why in words of ours.", { cause })
  }
}
