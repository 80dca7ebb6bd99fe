/**
 * What was seen at places of a backend, against what the catalog says of them (DESIGN §4, scan). What is as it was changes nothing. What was planned on a
 * state of the catalog that has moved on since is looked at again, and never taken for a fact: a sync that has ended meanwhile, or a delete.
 *
 * Content that was found there follows the backend, what we wrote does not (R20): it is reported, or put right.
 */
import { isProvisional, provisionalId } from "../../../core/blob-id.ts"
import { isSameState } from "../../../core/seen-state.ts"
import { locationKey, requireStorableKey } from "../../rows/key.ts"
import type { Rows } from "../../rows/rows.ts"
import type { LocationRow } from "../../rows/tables.ts"
import type { FoundContent, Sighting, SightingsCommit, SightingsFact } from "../../sightings.ts"
import { BlobDrafts } from "../blob-drafts.ts"
import { append } from "../journal.ts"
import { isProven } from "../location.ts"
import { lookAt, lookedAt } from "../looks.ts"
import { adopt } from "./adopt.ts"
import { differ, lose, prove, suspect } from "./drifted.ts"
import { identify, replace } from "./follow.ts"
import { type FoundCommit, follows, foundCommit, isUnderWay } from "./found-commit.ts"
import { leave } from "./leave.ts"
import { LeftSince } from "./left-since.ts"
import { moveFrom, moveTo } from "./move.ts"
import { addReasons, advanceScan } from "./scan.ts"

type Verdict = Exclude<keyof SightingsCommit, "sequence" | "facts" | "nudge">

interface Looked extends SightingsFact {
  left: LeftSince
}

/** @throws StoredError INVALID_KEY */
export function sightings(rows: Rows, fact: SightingsFact): SightingsCommit {
  const commit = foundCommit({ rows, drafts: new BlobDrafts(rows), time: fact.time }, fact.backend)
  const counts: Record<Verdict, number> = {
    added: 0,
    changed: 0,
    moved: 0,
    missing: 0,
    mended: 0,
    ignored: 0,
    same: 0,
    taken: 0,
    again: 0,
  }
  // Looks take a while; the backend may be gone by now.
  if (rows.get("backends", fact.backend) === null) return { ...counts, sequence: null, facts: [], nudge: [] }
  const looked = { ...fact, left: new LeftSince(rows, fact) }
  for (const sighting of fact.sightings) counts[see(commit, looked, sighting)] += 1
  commit.drafts.settle(fact.time)
  const { added, moved, taken } = counts
  const detail = { added, moved, taken, ...(fact.page && { scan: fact.page.number, cursor: fact.page.cursor }) }
  const isTold = added > 0 || fact.page?.isLast === true
  const sequence = isTold ? append(rows, { command: "found", time: fact.time, backend: fact.backend, detail }) : null
  // The end of a scan is told last.
  if (fact.page) advanceScan(rows, fact, counts)
  else if (fact.reasons) addReasons(rows, fact.backend, fact.reasons)
  return { ...counts, sequence, facts: commit.facts, nudge: [...commit.nudge] }
}

function see(commit: FoundCommit, fact: Looked, { key, generation, found, ignored }: Sighting): Verdict {
  const { rows, backend } = commit
  requireStorableKey(key)
  const location = rows.get("locations", locationKey(backend, key))
  if ((location?.generation ?? null) !== generation) return again(commit, key, found)
  if (ignored) return passOver(commit, fact, key, location)
  if (!location && found) return arrive(commit, fact, key, found)
  settled(commit, fact, key)
  if (!location || isUnderWay(rows, location)) return "same"
  return found ? compare(commit, fact, location, found) : goes(commit, location)
}

/** What is put right there at this moment is let end first. */
function passOver(commit: FoundCommit, fact: Looked, key: string, location: LocationRow | null): Verdict {
  if (!location?.found || isUnderWay(commit.rows, location)) {
    settled(commit, fact, key)
    return "same"
  }
  lookedAt(commit.rows, commit.backend, key)
  return leave(commit, location)
}

function again({ rows, backend }: FoundCommit, key: string, found: FoundContent | null): Verdict {
  lookAt(rows, backend, key, found?.size ?? 0)
  return "again"
}

/** A page may have been listed before somebody asked for the look: only a look ends it. */
function settled({ rows, backend }: FoundCommit, { page }: SightingsFact, key: string): void {
  if (!page) lookedAt(rows, backend, key)
}

function arrive(commit: FoundCommit, fact: Looked, key: string, found: FoundContent): Verdict {
  const { rows, backend } = commit
  const objectKey = fact.prefix + key
  requireStorableKey(objectKey)
  if (fact.left.has(key, objectKey)) return again(commit, key, found)
  const object = rows.get("objects", objectKey)
  if (object && object.id !== (found.id ?? provisionalId({ backend, key }, found))) {
    // Only its content tells whether it is a copy of that object.
    if (found.id === null && fact.hash && object.size === found.size) return again(commit, key, found)
    settled(commit, fact, key)
    return "taken"
  }
  const location = adopt(commit, key, objectKey, found)
  if (found.id === null && fact.hash) lookAt(rows, backend, key, found.size)
  else settled(commit, fact, key)
  if (found.id !== null && moveTo(commit, location)) return "moved"
  return "added"
}

function goes(commit: FoundCommit, location: LocationRow): Verdict {
  return location.found && moveFrom(commit, location) ? "moved" : lose(commit, location)
}

function compare(commit: FoundCommit, fact: SightingsFact, location: LocationRow, found: FoundContent): Verdict {
  const want = location.want!
  if (found.id === null) return compareState(commit, fact, location, found)
  if (found.id === want) return prove(commit, location, found)
  if (isProvisional(want)) {
    const known = identify(commit, location, { ...found, id: found.id })
    return moveTo(commit, known) ? "moved" : "same"
  }
  const isRotten = location.seen !== null && isSameState(location.seen, found)
  if (isRotten || !follows(commit, location)) return differ(commit, location, found)
  const changed = replace(commit, location, { ...found, id: found.id })
  // Another file was renamed over it.
  return moveTo(commit, changed) ? "moved" : "changed"
}

/** Its content was not read: its state tells whether it must be. */
function compareState(commit: FoundCommit, fact: SightingsFact, location: LocationRow, found: FoundContent): Verdict {
  const { rows, backend } = commit
  const { key } = location
  const want = location.want!
  const isSame = location.seen !== null && isSameState(location.seen, found)
  const isUnread = isProvisional(want)
  if (isUnread && fact.hash) lookAt(rows, backend, key, found.size)
  if (isSame && (isProven(location) || location.state === "corrupt")) return "same"
  if (isSame && !isUnread && fact.listed && location.state === "missing")
    return prove(commit, location, { ...found, verified: { at: fact.time, by: "listing" } })
  // What was read in this very state, and was not it then, only another read can clear up.
  const isFollowed = fact.listed === true && !isSame && follows(commit, location)
  if (!isUnread && !isFollowed) {
    suspect(commit, location, found.size)
    return "changed"
  }
  const id = provisionalId({ backend, key }, found)
  if (id === want) return prove(commit, location, { ...found, id })
  replace(commit, location, { ...found, id })
  return "changed"
}
