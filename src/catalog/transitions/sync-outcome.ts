/**
 * What became of a sync job (laws 3 and 4). Only an outcome of the location's present generation changes facts. Any other means that
 * somebody worked, perhaps wrote, on an old order: the location is no longer counted as proven and is looked at again. So it is with a job that
 * ended only after its deadline.
 */
import { isUnkept } from "../../core/unkept.ts"
import type { Outcome, OutcomeCommit } from "../catalog.ts"
import type { OutboxRecord } from "../record.ts"
import { locationKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import type { LocationRow } from "../rows/tables.ts"
import { BlobDrafts } from "./blob-drafts.ts"
import { append } from "./journal.ts"
import { type Commit, clearPlace, drive, dueState, forgetLocation, isProven, saveLocation } from "./location.ts"
import { readJob, removeJob, schedule } from "./outbox.ts"
import { count } from "./totals.ts"

type SyncOutcome = Extract<Outcome, { kind: "sync" }>
type Result<Type> = Extract<SyncOutcome["result"], { type: Type }>

export function syncOutcome(rows: Rows, outcome: SyncOutcome, time: number): OutcomeCommit {
  const before = rows.get("locations", locationKey(outcome.backend, outcome.key))
  const commit = { rows, drafts: new BlobDrafts(rows), time }
  if (!before) return gone(commit, outcome)
  const answer = decide(commit, before, outcome)
  commit.drafts.settle(time)
  return answer
}

/**
 * What a job wrote, or may have written, after the place was cleared and forgotten must not stay, unless nobody looks after that backend any
 * more. It may even bring proof: nobody told it in time that nothing is wanted there.
 */
function gone(commit: Commit, { backend, key, result }: SyncOutcome): OutcomeCommit {
  const mayHold = result.type === "late" || (result.type === "done" && result.have !== null)
  if (!mayHold || commit.rows.get("backends", backend) === null) return { status: "gone", sequence: null }
  clearPlace(commit, { backend, key })
  return { status: "stale", sequence: null }
}

function decide(commit: Commit, before: LocationRow, outcome: SyncOutcome): OutcomeCommit {
  const { result } = outcome
  if (result.type === "late") return late(commit, before)
  if (outcome.generation !== before.generation) return stale(commit, before)
  if (result.type === "done") return result.have === before.want ? done(commit, before, result) : stale(commit, before)
  // Nothing is under way for a location that is true already: a second worker failed where the first did not.
  if (before.job === null) return stale(commit, before)
  const job = readJob(commit.rows, before.job)
  // Given up already; that a second worker failed too changes nothing.
  if (job.status === "parked") return { status: "applied", sequence: null }
  return result.type === "retry" ? retry(commit, before, job, result) : park(commit, before, job, result)
}

function done(commit: Commit, before: LocationRow, result: Result<"done">): OutcomeCommit {
  const { rows, time } = commit
  const { have, verified, seen } = result
  const settled = { have, verified, seen, attempts: 0, error: null }
  if (before.job === null) {
    // Told twice: the proof is newer, the fact is not.
    saveLocation(commit, before, { ...before, ...settled })
    return { status: "applied", sequence: null }
  }
  if (have === null) forgetLocation(commit, before)
  else {
    removeJob(rows, before.job)
    saveLocation(commit, before, { ...before, ...settled, state: "synced", job: null })
  }
  count(rows, { syncsCompleted: 1 })
  const { backend, objectKey: key, generation } = before
  const detail = { have, generation, ...(have === null && { place: before.key }) }
  return { status: "applied", sequence: append(rows, { command: "sync", time, key, id: have, backend, detail }) }
}

function retry(commit: Commit, before: LocationRow, job: OutboxRecord, result: Result<"retry">): OutcomeCommit {
  const { rows, time } = commit
  const { dueAt, error, countAttempt } = result
  const attempts = job.attempts + (countAttempt ? 1 : 0)
  schedule(rows, { payload: job.payload, time, sequence: job.sequence, dueAt, attempts, error })
  saveLocation(commit, before, { ...before, attempts, error })
  return { status: "applied", sequence: null }
}

function park(commit: Commit, before: LocationRow, job: OutboxRecord, result: Result<"park">): OutcomeCommit {
  const { rows, time } = commit
  const { error } = result
  const attempts = job.attempts + 1
  schedule(rows, { payload: job.payload, time, sequence: job.sequence, attempts, error, parked: true })
  const failed = { ...before, state: "failed" as const, attempts, error }
  saveLocation(commit, before, before.state === "corrupt" ? { ...failed, bad: true } : failed)
  count(rows, { syncsFailed: 1 })
  const { backend, objectKey: key, want: id, generation } = before
  const { details, ...plain } = error
  const detail = { error: { ...plain, ...(details && { details: JSON.parse(JSON.stringify(details)) }) }, generation }
  return { status: "applied", sequence: append(rows, { command: "sync-failed", time, key, id, backend, detail }) }
}

/** As `stale`, but what waits for its next try waits on, and what was given up stays so: neither is trusted as it is. */
function late(commit: Commit, before: LocationRow): OutcomeCommit {
  const waiting = before.job === null ? null : readJob(commit.rows, before.job)
  if (waiting?.status === "parked") return { status: "applied", sequence: null }
  return stale(commit, before, waiting?.dueAt)
}

/** Due again under a new generation, so that nobody who is still at work on an older one can prove it. */
function stale(commit: Commit, before: LocationRow, dueAt = commit.time): OutcomeCommit {
  const { rows, time } = commit
  const wasProven = isProven(before)
  const waiting = before.job === null ? null : readJob(rows, before.job)
  // Whoever was at it may have written over them; what lies there now is looked at by whoever keeps it, or heals it.
  if (waiting?.status === "parked" && isUnkept(waiting.error)) return { status: "stale", sequence: null }
  const attempts = waiting?.status === "due" ? waiting.attempts : 0
  const after = drive(commit, before, dueState(before), { attempts, dueAt })
  saveLocation(commit, before, after)
  if (!wasProven) return { status: "stale", sequence: null }
  const { backend, objectKey: key, want: id } = before
  const detail = { reason: "stale", generation: after.generation }
  return { status: "stale", sequence: append(rows, { command: "retry", time, key, id, backend, detail }) }
}
