/**
 * Puts by reference through BullMQ: the workers' end. BullMQ counts the tries and keeps what was done; what to try again is said by the
 * error. A worker that dies costs no try, so that starts are counted apart: what kills every worker that begins it must end.
 */
import type { Job } from "bullmq"
import { StoredError, toStoredError } from "../../src/core/error.ts"
import type { BullOptions } from "../bullmq.ts"
import { INGEST_QUEUE, INGEST_TRIES, type IngestIntakes, type IngestTake } from "../ingest.ts"
import { DEFAULT_RETRY_POLICY, retryDelay } from "../retry-policy.ts"
import { HandedBack, type Intake } from "../transport.ts"
import { remainder } from "./ingest-queue.ts"
import { finalError, OpenIntakes } from "./intakes.ts"

export interface BullIngestOptions extends BullOptions {
  /** ms: the first pause between two tries and the longest; absent: 1 s and 5 min */
  pauses?: { baseDelay: number; maxDelay: number }
}

/** Starts of one put, tries or not. */
const MOST_STARTS = 25
/** Twenty of them in ten minutes: no server has this put, so that it fails only where nobody came who knows its version. */
const HAND_BACK = { baseDelay: 1_000, maxDelay: 30_000, maxAttempts: 24 }
const MOST_MESSAGE = 4_096
const MOST_DETAILS = 8_192

export function createBullIngestIntakes(options: BullIngestOptions): IngestIntakes {
  return new BullIngestIntakes(options)
}

class BullIngestIntakes implements IngestIntakes {
  readonly #open: OpenIntakes
  readonly #options: BullIngestOptions

  constructor(options: BullIngestOptions) {
    this.#options = options
    this.#open = new OpenIntakes(options)
  }

  open({ concurrency, take }: { concurrency: number; take: IngestTake }): Intake {
    const { events, handBack, pauses } = this.#options
    const policy = { ...DEFAULT_RETRY_POLICY, ...pauses, maxAttempts: INGEST_TRIES }
    return this.#open.open(INGEST_QUEUE, {
      concurrency,
      handBack: { ...HAND_BACK, ...pauses, ...handBack },
      run: (job, signal) => deliver(job, take, signal),
      giveUp: (_job, error) => {
        throw final(
          new StoredError("INVALID_INPUT", `${error.message} Let workers be of one version with this client.`),
        )
      },
      settings: { backoffStrategy: (failures) => retryDelay(policy, failures, Math.random()) ?? -1 },
      ended: (job) => {
        // Unended ones still need it. What cannot be stripped now goes with the job, after a day.
        if (job.finishedOn !== undefined) void job.updateData(remainder(job.data)).catch(events.trouble)
      },
    })
  }

  close(): Promise<void> {
    return this.#open.close()
  }
}

async function deliver(job: Job, take: IngestTake, signal: AbortSignal): Promise<unknown> {
  if (job.attemptsStarted > MOST_STARTS) throw final(startedTooOften())
  const delivery = {
    id: job.id ?? "",
    payload: job.data as unknown,
    note: typeof job.progress === "object" ? (job.progress as unknown) : null,
    keep: async (note: unknown) => job.updateProgress(note as object),
  }
  try {
    return await take(delivery, signal)
  } catch (error) {
    if (error instanceof HandedBack) throw error
    const fault = toStoredError(error)
    throw fault.retryable ? new Error(textOf(fault)) : final(fault)
  }
}

function final(error: StoredError): Error {
  return finalError(textOf(error))
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
