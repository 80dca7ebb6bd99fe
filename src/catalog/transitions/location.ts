/**
 * Writes a location's row together with all that follows from it: what its blobs are wanted for and proven by, the index by blob, and the one
 * job that makes it true. A location never has more than one row in the outbox, and an unproven one always has one (I3).
 */
import type { BlobId } from "../../core/blob-id.ts"
import type { SerializedError } from "../../core/error.ts"
import type { LocationState } from "../../core/metadata.ts"
import type { LocationRecord } from "../record.ts"
import { locationKey, wantingKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import type { LocationRow } from "../rows/tables.ts"
import type { BlobDrafts } from "./blob-drafts.ts"
import { removeJob, schedule } from "./outbox.ts"
import { count } from "./totals.ts"

/** Its backend was seen holding what is wanted there. */
export function isProven(location: LocationRecord): boolean {
  return location.want !== null && location.state === "synced" && location.have === location.want
}

/** What a commit works with: the rows, the blobs it touches, its time in UTC ms. */
export interface Commit {
  rows: Rows
  drafts: BlobDrafts
  time: number
}

export interface Copy {
  backend: string
  key: string
  /** the object that the copy serves */
  objectKey: string
  want: BlobId
  /** the bytes have only just come: what is under way for this copy may have missed them, and no longer counts */
  fresh: boolean
}

/** Wants a blob at a place. What is proven there already stays proven; otherwise the location is due now. */
export function wantCopy(commit: Commit, copy: Copy): LocationRow {
  const { rows, time } = commit
  const before = rows.get("locations", locationKey(copy.backend, copy.key))
  if (!before)
    return saveLocation(commit, null, drive(commit, { ...newLocation(rows, copy, time), want: copy.want }, "pending"))
  const same = before.want === copy.want
  if (same && isProven(before)) return rename(commit, before, copy.objectKey)
  // Somebody may be at it already, and what they bring will be right: their generation holds.
  if (same && before.state === "pending" && !copy.fresh)
    return hurry(commit, { ...before, objectKey: copy.objectKey }, before)
  const { found, bad, ...rest } = before
  const wanted: LocationRow = {
    ...rest,
    objectKey: copy.objectKey,
    want: copy.want,
    verified: same ? before.verified : null,
    // What we write is ours.
    ...(same && found && { found }),
    ...(same && bad && { bad }),
  }
  return saveLocation(commit, before, drive(commit, wanted, same ? dueState(wanted) : "pending"))
}

function rename(commit: Commit, before: LocationRow, objectKey: string): LocationRow {
  return before.objectKey === objectKey ? before : saveLocation(commit, before, { ...before, objectKey })
}

/** A place that no object has any more, where something may lie all the same: due to be cleared. */
export function clearPlace(commit: Commit, place: { backend: string; key: string }): LocationRow {
  const location = newLocation(commit.rows, { ...place, objectKey: place.key }, commit.time)
  return saveLocation(commit, null, drive(commit, location, "deleting"))
}

/** The row of a place that was lost, made anew from what its object says; what is there is not known. The blob's counts are somebody else's. */
export function restoreLocation(commit: Commit, copy: Omit<Copy, "fresh">): void {
  const location = { ...newLocation(commit.rows, copy, commit.time), want: copy.want }
  commit.rows.put("locations", locationKey(copy.backend, copy.key), drive(commit, location, "pending"))
}

/** Due now and with all tries left, in the same generation. */
function hurry(commit: Commit, location: LocationRow, before: LocationRow): LocationRow {
  const { backend, key, generation } = location
  const payload = { kind: "sync" as const, backend, key, generation }
  const job = schedule(commit.rows, { payload, time: commit.time, sequence: location.job })
  return saveLocation(commit, before, { ...location, attempts: 0, error: null, job })
}

/** Wants nothing at a place any more. */
export function retireCopy(commit: Commit, before: LocationRow): LocationRow {
  if (before.want === null) return before
  return saveLocation(commit, before, drive(commit, { ...before, want: null, verified: null }, "deleting"))
}

/** While its job is due. What is known to be bad stays so until it is written over: nobody is to believe what its backend says of it. */
export function dueState({ want, state, bad }: LocationRow): LocationState {
  if (want === null) return "deleting"
  return state === "corrupt" || bad ? "corrupt" : "pending"
}

export interface Drive {
  /** absent: 0 */
  attempts?: number
  error?: SerializedError | null
  /** the job waits for somebody to retry it */
  parked?: boolean
  /** UTC ms; absent: now */
  dueAt?: number
}

/** The location with a new generation and its job due now: whoever still works on an older generation changes nothing any more. */
export function drive(commit: Commit, location: LocationRow, state: LocationState, drive: Drive = {}): LocationRow {
  const { rows, time } = commit
  const { backend, key } = location
  const generation = location.generation + 1
  const { attempts = 0, error = null } = drive
  const job = schedule(rows, {
    payload: { kind: "sync", backend, key, generation },
    time,
    sequence: location.job,
    attempts,
    error,
    parked: drive.parked ?? false,
    ...(drive.dueAt !== undefined && { dueAt: drive.dueAt }),
  })
  return { ...location, generation, state, attempts, error, job }
}

/** Takes a location out of the catalog. Its generations are remembered: should it come back, it goes on behind them. */
export function forgetLocation(commit: Commit, before: LocationRow): void {
  const { rows } = commit
  if (before.job !== null) removeJob(rows, before.job)
  const highest = rows.get("generations", before.backend)
  if (highest === null) count(rows, { generations: 1 })
  if (before.generation > (highest ?? 0)) rows.put("generations", before.backend, before.generation)
  account(commit, before, null)
  rows.remove("locations", locationKey(before.backend, before.key))
}

/** Writes the row and what follows from the difference. */
export function saveLocation(commit: Commit, before: LocationRow | null, changed: LocationRow): LocationRow {
  const { bad, ...row } = { ...changed, modified: commit.time }
  const after = bad && row.want !== null && !isProven(row) ? { ...row, bad } : row
  account(commit, before, after)
  commit.rows.put("locations", locationKey(after.backend, after.key), after)
  return after
}

function account({ rows, drafts }: Commit, before: LocationRow | null, after: LocationRow | null): void {
  for (const row of [before, after]) if (row?.state === "changed") drafts.touch(row.objectKey)
  const was = before?.want ?? null
  const is = after?.want ?? null
  if (before && was !== null) {
    const blob = drafts.of(was)
    if (isProven(before)) blob.synced -= 1
    if (was !== is) {
      blob.wanted -= 1
      rows.remove("locationsByBlob", wantingKey(was, before.backend, before.key))
    }
  }
  if (after && is !== null) {
    const blob = drafts.of(is)
    if (isProven(after)) blob.synced += 1
    if (was !== is) {
      blob.wanted += 1
      rows.put("locationsByBlob", wantingKey(is, after.backend, after.key), true)
    }
  }
  const added = (after ? 1 : 0) - (before ? 1 : 0)
  const wanted = (is !== null ? 1 : 0) - (was !== null ? 1 : 0)
  if (added !== 0 || wanted !== 0) count(rows, { locations: added, wanted })
}

function newLocation(rows: Rows, copy: Omit<Copy, "want" | "fresh">, time: number): LocationRow {
  const { backend, key, objectKey } = copy
  return {
    backend,
    key,
    objectKey,
    want: null,
    have: null,
    generation: rows.get("generations", backend) ?? 0,
    state: "pending",
    attempts: 0,
    error: null,
    verified: null,
    seen: null,
    created: time,
    modified: time,
    job: null,
  }
}
