/** The workers' end of BullMQ: one connection, and a BullMQ worker for each queue that is taken from. What a job is, those know who open one. */
import {
  type ConnectionOptions,
  DelayedError,
  type Job,
  UnrecoverableError,
  WaitingError,
  Worker,
  type WorkerOptions,
} from "bullmq"
import type { Redis } from "ioredis"
import type { BullOptions } from "../bullmq.ts"
import { connectRedis } from "../redis.ts"
import { type RetryPolicy, retryDelay } from "../retry-policy.ts"
import { HandedBack, type Intake, NotUnderstood } from "../transport.ts"
import { closeWorker } from "./close-worker.ts"

/** When a job that is not understood here is given out again, and how often at most. */
export type HandBackPolicy = Pick<RetryPolicy, "baseDelay" | "maxDelay" | "maxAttempts">

export interface IntakeTerms extends Pick<WorkerOptions, "removeOnComplete" | "removeOnFail" | "settings"> {
  concurrency: number
  handBack: HandBackPolicy
  /** Carries a job out, and returns what is kept of it. `signal` fires when it was given to somebody else. */
  run(job: Job, signal: AbortSignal): Promise<unknown>
  /** A job that nobody has understood, often enough. */
  giveUp(job: Job, error: NotUnderstood): unknown
  /** told of each job that is completed, or failed for this time or for good */
  ended?(job: Job): void
}

/** ms for which a job is its worker's without word from it */
const LOCK = 15_000
/** looks in that time for jobs whose lock is over */
const LOOKS_IN_A_LOCK = 3
/** ms that a worker waits for a job in one command */
const DRAIN_SECONDS = 5

export class OpenIntakes {
  readonly #options: BullOptions
  readonly #redis: Redis
  readonly #intakes = new Set<Intake>()

  constructor(options: BullOptions) {
    this.#options = options
    this.#redis = connectRedis(options.url, { maxRetriesPerRequest: null }, options.events)
  }

  open(queue: string, { run, giveUp, ended, concurrency, handBack, ...terms }: IntakeTerms): Intake {
    const { prefix, events, lock = LOCK } = this.#options
    // BullMQ gives the signal to whoever declares three parameters.
    const process = (job: Job, token?: string, signal?: AbortSignal): Promise<unknown> =>
      run(job, signal ?? new AbortController().signal).catch((error: unknown) => {
        if (error instanceof HandedBack) return this.#putBack(job, token, error, { giveUp, handBack })
        throw error
      })
    const worker = new Worker(queue, process, {
      ...terms,
      connection: this.#redis as ConnectionOptions,
      prefix,
      concurrency,
      lockDuration: lock,
      stalledInterval: Math.ceil(lock / LOOKS_IN_A_LOCK),
      // Who carries a job counts its tries; a worker that dies costs none (RELIABILITY F12).
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: DRAIN_SECONDS,
      skipVersionCheck: true,
    })
    worker.on("error", (error) => events.trouble(error))
    worker.on("lockRenewalFailed", (ids: string[]) => {
      for (const id of ids) worker.cancelJob(id, "The lock is lost.")
    })
    if (ended) worker.on("completed", ended).on("failed", (job) => job && ended(job))
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

  async #putBack(
    job: Job,
    token: string | undefined,
    error: HandedBack,
    { giveUp, handBack }: Pick<IntakeTerms, "giveUp" | "handBack">,
  ): Promise<unknown> {
    if (!(error instanceof NotUnderstood)) {
      await job.moveToWait(token)
      throw new WaitingError()
    }
    const delay = retryDelay({ ...handBack, reviveAfter: 0 }, job.attemptsStarted, Math.random())
    if (delay === null) return giveUp(job, error)
    await job.moveToDelayed(Date.now() + delay, token)
    throw new DelayedError()
  }
}

/** Fails a job for good. @param text the only thing that BullMQ keeps of an error */
export function finalError(text: string): Error {
  return new UnrecoverableError(text)
}
