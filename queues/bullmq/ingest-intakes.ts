/**
 * Puts by reference through BullMQ: the workers' end. BullMQ counts the tries and keeps what was done; what to try again is said by the
 * error. A worker that dies costs no try, so that starts are counted apart: what kills every worker that begins it must end.
 */
import { type ConnectionOptions, type Job, UnrecoverableError, WaitingError, Worker } from "bullmq"
import type { Redis } from "ioredis"
import { StoredError, toStoredError } from "../../src/core/error.ts"
import type { BullOptions } from "../bullmq.ts"
import { HandedBack, INGEST_QUEUE, INGEST_TRIES, type IngestIntakes, type IngestTake } from "../ingest.ts"
import { connectRedis } from "../redis.ts"
import { DEFAULT_RETRY_POLICY, retryDelay } from "../retry-policy.ts"
import type { Intake } from "../transport.ts"
import { closeWorker } from "./close-worker.ts"
import { remainder } from "./ingest-queue.ts"

export interface BullIngestOptions extends BullOptions {
  /** ms: the first pause between two tries and the longest; absent: 1 s and 5 min */
  pauses?: { baseDelay: number; maxDelay: number }
  /** ms for which a put is its worker's without word from it; absent: 15 s */
  lock?: number
}

const LOCK = 15_000
/** Starts of one put, tries or not. */
const MOST_STARTS = 25
const DRAIN_SECONDS = 5
const MOST_MESSAGE = 4_096
const MOST_DETAILS = 8_192

export function createBullIngestIntakes(options: BullIngestOptions): IngestIntakes {
  return new BullIngestIntakes(options)
}

class BullIngestIntakes implements IngestIntakes {
  readonly #options: BullIngestOptions
  readonly #redis: Redis
  readonly #intakes = new Set<Intake>()

  constructor(options: BullIngestOptions) {
    this.#options = options
    this.#redis = connectRedis(options.url, { maxRetriesPerRequest: null }, options.events)
  }

  open({ concurrency, take }: { concurrency: number; take: IngestTake }): Intake {
    const { prefix, events, lock = LOCK, pauses } = this.#options
    const policy = { ...DEFAULT_RETRY_POLICY, ...pauses, maxAttempts: INGEST_TRIES }
    const worker = new Worker(INGEST_QUEUE, (job, token, signal) => deliver(job, token, take, signal), {
      connection: this.#redis as ConnectionOptions,
      prefix,
      concurrency,
      lockDuration: lock,
      stalledInterval: Math.ceil(lock / 3),
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: DRAIN_SECONDS,
      skipVersionCheck: true,
      settings: { backoffStrategy: (failures) => retryDelay(policy, failures, Math.random()) ?? -1 },
    })
    worker.on("error", (error) => events.trouble(error))
    worker.on("lockRenewalFailed", (ids: string[]) => {
      for (const id of ids) worker.cancelJob(id, "The lock is lost.")
    })
    const strip = (job: Job | undefined): void => {
      // Unended ones still need it. What cannot be stripped now goes with the job, after a day.
      if (job?.finishedOn !== undefined) void job.updateData(remainder(job.data)).catch(events.trouble)
    }
    worker.on("completed", strip)
    worker.on("failed", strip)
    const intake: Intake = {
      pause: () => void worker.pause(true).catch(events.trouble),
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

async function deliver(job: Job, token: string | undefined, take: IngestTake, signal?: AbortSignal): Promise<unknown> {
  if (job.attemptsStarted > MOST_STARTS) throw final(startedTooOften())
  const delivery = {
    id: job.id ?? "",
    payload: job.data as unknown,
    note: typeof job.progress === "object" ? (job.progress as unknown) : null,
    keep: async (note: unknown) => job.updateProgress(note as object),
  }
  try {
    return await take(delivery, signal ?? new AbortController().signal)
  } catch (error) {
    if (error instanceof HandedBack) {
      await job.moveToWait(token)
      throw new WaitingError()
    }
    const fault = toStoredError(error)
    throw fault.retryable ? new Error(textOf(fault)) : final(fault)
  }
}

function final(error: StoredError): Error {
  return new UnrecoverableError(textOf(error))
}

/** The message of a foreign error is the only thing that BullMQ keeps of it. */
function textOf(error: StoredError): string {
  const { code, message, retryable } = error
  const details = JSON.stringify(error.details).length <= MOST_DETAILS ? error.details : {}
  return JSON.stringify({ code, message: message.slice(0, MOST_MESSAGE), retryable, details })
}

function startedTooOften(): StoredError {
  return new StoredError("INTERNAL", `The put was started ${MOST_STARTS} times and never ended; look at the source.`)
}
