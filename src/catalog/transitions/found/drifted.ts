/** A place that does not hold what the catalog says, and the way back. */
import { isProvisional } from "../../../core/blob-id.ts"
import type { SerializedError } from "../../../core/error.ts"
import { seenState } from "../../../core/seen-state.ts"
import { unkept } from "../../../core/unkept.ts"
import type { LocationRow } from "../../rows/tables.ts"
import type { FoundContent } from "../../sightings.ts"
import { append } from "../journal.ts"
import { drive, isProven, saveLocation } from "../location.ts"
import { lookAt } from "../looks.ts"
import { removeJob } from "../outbox.ts"
import { provenNow } from "./adopt.ts"
import { type FoundCommit, follows, tell } from "./found-commit.ts"

/** It holds what is wanted there. */
export function prove(commit: FoundCommit, location: LocationRow, found: FoundContent): "same" | "mended" {
  const wasLost = location.state === "missing" || location.state === "corrupt"
  const wasProven = isProven(location)
  if (location.job !== null) removeJob(commit.rows, location.job)
  saveLocation(commit, location, {
    ...location,
    have: location.want,
    state: "synced",
    attempts: 0,
    error: null,
    job: null,
    ...provenNow(location.want!, found, commit.time),
  })
  const { objectKey: key, want: id } = location
  commit.drafts.touch(key)
  if (wasLost) tell(commit, "drift", { key, id, detail: { state: "reconciled", was: location.state } })
  return wasProven || location.state === "changed" ? "same" : "mended"
}

/** Somebody has touched it: it is proven no more until it was read, and what was read before is not it. */
export function suspect(commit: FoundCommit, location: LocationRow, size: number): void {
  const { rows, backend } = commit
  lookAt(rows, backend, location.key, size)
  if (location.state === "changed") return
  if (location.job !== null) removeJob(rows, location.job)
  const generation = location.generation + 1
  saveLocation(commit, location, { ...location, have: null, generation, state: "changed", error: null, job: null })
  commit.drafts.touch(location.objectKey)
}

/** It is gone. */
export function lose(commit: FoundCommit, location: LocationRow): "missing" | "same" {
  return note(commit, location, "missing", null) ? "missing" : "same"
}

/** It holds something else than what is wanted there, which does not follow it. */
export function differ(commit: FoundCommit, location: LocationRow, found: FoundContent): "changed" | "same" {
  return note(commit, location, "corrupt", found) ? "changed" : "same"
}

/** Whether it is put right without being asked. A file that somebody has taken away, or has changed, is theirs to decide on, unless the backend is ours alone. */
function canMend({ mode, drafts }: FoundCommit, location: LocationRow): boolean {
  const want = location.want!
  if (mode !== "enforce" || isProvisional(want)) return false
  const blob = drafts.of(want)
  return blob.staged || blob.synced - (isProven(location) ? 1 : 0) > 0
}

/** False: that is known, and nothing can be done about it by itself. */
function note(
  commit: FoundCommit,
  location: LocationRow,
  state: "missing" | "corrupt",
  found: FoundContent | null,
): boolean {
  const kept = found?.kept
  const repair = kept !== null && canMend(commit, location)
  if (location.state === state && !repair) return false
  const lost = { ...location, have: null, seen: state === "missing" && !location.found ? null : location.seen }
  const error = kept === null ? unkept(commit.backend, location.key) : fault(location, state, repair)
  const seen = found ? seenState(found) : lost.seen
  const after = drive(commit, { ...lost, seen }, state, repair ? {} : { parked: true, error })
  saveLocation(commit, location, after)
  if (repair) commit.nudge.add(commit.backend)
  commit.drafts.touch(location.objectKey)
  const detail = {
    state,
    repair,
    generation: after.generation,
    found: found?.id ?? null,
    followed: follows(commit, location),
  }
  const { key, objectKey, want: id } = location
  tell(commit, "drift", { key: objectKey, id, detail })
  if (kept !== undefined) {
    const { rows, time, backend } = commit
    append(rows, { command: "quarantine", time, key: objectKey, id, backend, detail: { copy: key, kept } })
  }
  return true
}

function fault({ backend, key }: LocationRow, state: "missing" | "corrupt", repair: boolean): SerializedError {
  const what = state === "missing" ? "is gone from" : "is not what it should be on"
  const next = repair ? "it is being put right" : "heal it from another copy, or delete the object"
  return {
    code: state === "missing" ? "NOT_FOUND" : "CORRUPT",
    message: `"${key}" ${what} backend "${backend}"; ${next}.`,
    retryable: false,
  }
}
