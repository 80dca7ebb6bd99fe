/**
 * A proven copy was found missing or bad. It is proven no more; its job is due again, or, where nothing can feed it now, parked so that people
 * see it. A place where nothing is wanted any more cannot drift.
 */
import { NotFoundError, type SerializedError } from "../../core/error.ts"
import { unkept } from "../../core/unkept.ts"
import { locationKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import type { LocationRow } from "../rows/tables.ts"
import { BlobDrafts } from "./blob-drafts.ts"
import { lose, suspect } from "./found/drifted.ts"
import { follows, foundCommit, isUnderWay } from "./found/found-commit.ts"
import { moveFrom } from "./found/move.ts"
import { append } from "./journal.ts"
import { type Commit, drive, saveLocation } from "./location.ts"

export interface DriftFact {
  backend: string
  key: string
  state: "missing" | "corrupt"
  repair: boolean
  /** of the location when it was seen; where it has moved on since, nothing is changed */
  generation?: number
  /** why it is not repaired; absent: nothing can feed it now */
  error?: SerializedError
  /** of bytes that are bad: their name in quarantine, null where they could not be kept; absent: nobody has tried */
  kept?: string | null
  /** UTC ms */
  time: number
}

/** @throws NotFoundError where there is no such location */
export function drift(rows: Rows, fact: DriftFact): void {
  const { backend, key, state, repair, time } = fact
  const before = rows.get("locations", locationKey(backend, key))
  if (!before)
    throw new NotFoundError(`There is no location "${key}" on backend "${backend}".`, { details: { backend, key } })
  const isOvertaken = fact.generation !== undefined && fact.generation !== before.generation
  if (before.want === null || isOvertaken) return
  const commit = { rows, drafts: new BlobDrafts(rows), time }
  if (driftFound(commit, before, state)) return
  const lost = { ...before, have: null, seen: null }
  const after = drive(commit, lost, state, repair ? {} : { parked: true, error: fact.error ?? fault(fact) })
  saveLocation(commit, before, after)
  commit.drafts.settle(time)
  const detail = { state, repair, generation: after.generation }
  const told = { time, key: before.objectKey, id: before.want, backend }
  append(rows, { command: "drift", ...told, detail })
  const { kept } = fact
  if (kept !== undefined) append(rows, { command: "quarantine", ...told, detail: { copy: key, kept } })
}

/** What was found at a backend follows it: what somebody has taken away or changed there is not written over by itself. */
function driftFound(commit: Commit, location: LocationRow, state: DriftFact["state"]): boolean {
  const found = foundCommit(commit, location.backend)
  if (!follows(found, location)) return false
  // Somebody has asked for it to be put right, which takes a while.
  if (isUnderWay(commit.rows, location)) return true
  if (state === "corrupt") suspect(found, location, location.seen?.size ?? 0)
  else if (!moveFrom(found, location)) lose(found, location)
  commit.drafts.settle(commit.time)
  return true
}

function fault({ backend, key, state, kept }: DriftFact): SerializedError {
  if (kept === null) return unkept(backend, key)
  const message =
    state === "missing"
      ? `The copy "${key}" is gone from backend "${backend}", and no other copy can replace it now.`
      : `The copy "${key}" on backend "${backend}" is bad, and no other copy can replace it now.`
  return { code: state === "missing" ? "NOT_FOUND" : "CORRUPT", message, retryable: false }
}
