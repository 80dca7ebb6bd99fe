/** What is counted while it happens. Whoever carries out a job counts it, server or worker, so that sums over all processes are right. */

/** `in`: taken by puts; `out`: read by callers; `copied`: written to backends */
export type Direction = "in" | "out" | "copied"

/** `returned`: handed back untried or half-way; `late`: cut off, and not known what became of it */
export type JobOutcome = "done" | "failed" | "returned" | "late"

export interface EndedJob {
  kind: string
  /** null where the job is about none */
  backend: string | null
  outcome: JobOutcome
  /** of the error, where it failed */
  code: string | null
  seconds: number
}

/** `version`: of a version that is not known here, handed back; `payload`: none of ours, dropped */
export type Misfit = "version" | "payload"

export interface Meter {
  jobEnded(job: EndedJob): void
  /** a queue held what is no job to whoever took it */
  notUnderstood(misfit: Misfit): void
  bytes(direction: Direction, count: number): void
}

/** For those whom nobody counts. */
export const NO_METER: Meter = { jobEnded: () => {}, notUnderstood: () => {}, bytes: () => {} }
