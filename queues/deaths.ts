/**
 * Jobs that nobody lives to tell of. A worker may be killed for any reason; but a job whose workers die one after the other is taken for what kills them
 * (RELIABILITY row 7), and is given to nobody more until somebody asks for it.
 */
import type { Outcome } from "../src/catalog/catalog.ts"
import type { JobPayload } from "../src/catalog/record.ts"
import { StoredError } from "../src/core/error.ts"

/** In a row, without a word of any of them. */
const MOST_DEATHS = 10

export class Deaths {
  readonly #counts = new Map<string, number>()

  /** A worker that had claimed the job has not told of it, and never will. */
  add(subject: string): void {
    this.#counts.set(subject, (this.#counts.get(subject) ?? 0) + 1)
  }

  /** A worker that had it has told of it, whatever it was. */
  survived(subject: string): void {
    this.#counts.delete(subject)
  }

  /** The error with which the job is to be given up, once; null while it may be tried. */
  verdict(subject: string): StoredError | null {
    if ((this.#counts.get(subject) ?? 0) < MOST_DEATHS) return null
    this.#counts.delete(subject)
    return new StoredError(
      "WORKER_LOST",
      `${MOST_DEATHS} workers in a row ended without a word while they did this job; see why in their logs, and retry it then.`,
    )
  }
}

/** The job is given up until somebody has it retried. */
export function givenUp(payload: JobPayload, error: StoredError): Outcome {
  const result = { type: "park" as const, error: error.toJSON() }
  return payload.kind === "sync"
    ? { kind: "sync", backend: payload.backend, key: payload.key, generation: payload.generation, result }
    : { kind: "checksum", id: payload.id, result }
}
