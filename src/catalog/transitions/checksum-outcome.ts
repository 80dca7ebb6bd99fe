/** What became of a checksum job: the blob's side checksums are known, or will be tried again, or wait for somebody. */
import type { Outcome, OutcomeCommit } from "../catalog.ts"
import type { Rows } from "../rows/rows.ts"
import { BlobDrafts } from "./blob-drafts.ts"
import { append } from "./journal.ts"
import { readJob, removeJob, schedule } from "./outbox.ts"

type ChecksumOutcome = Extract<Outcome, { kind: "checksum" }>

export function checksumOutcome(rows: Rows, outcome: ChecksumOutcome, time: number): OutcomeCommit {
  const { id, result } = outcome
  const drafts = new BlobDrafts(rows)
  const blob = drafts.find(id)
  // Told twice, or the blob went meanwhile: there is nothing left to do.
  if (!blob || blob.checksumJob === null) return { status: "gone", sequence: null }
  if (result.type === "done") {
    removeJob(rows, blob.checksumJob)
    blob.checksums = { ...blob.checksums, ...result.checksums }
    blob.checksumJob = null
    blob.checksumState = "complete"
    drafts.settle(time)
    const detail = { checksums: Object.keys(result.checksums) }
    return { status: "applied", sequence: append(rows, { command: "checksums", time, id, detail }) }
  }
  const job = readJob(rows, blob.checksumJob)
  if (job.status === "parked") return { status: "applied", sequence: null }
  const again = { payload: job.payload, time, sequence: job.sequence, error: result.error }
  if (result.type === "retry") {
    schedule(rows, { ...again, dueAt: result.dueAt, attempts: job.attempts + (result.countAttempt ? 1 : 0) })
    return { status: "applied", sequence: null }
  }
  schedule(rows, { ...again, attempts: job.attempts + 1, parked: true })
  const detail = { code: result.error.code, message: result.error.message }
  return { status: "applied", sequence: append(rows, { command: "checksums", time, id, detail }) }
}
