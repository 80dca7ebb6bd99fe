/**
 * A file that was renamed: gone in one place, found in another, and the same file with the same content. Its object goes along, with its custom metadata and its
 * other copies. Which of the two is noticed first does not matter.
 */
import type { ObjectRecord } from "../../record.ts"
import { locationKey, splitBlobRowKey, splitLocationKey, wantingPrefix } from "../../rows/key.ts"
import type { LocationRow } from "../../rows/tables.ts"
import { forgetObject } from "../delete.ts"
import { forgetLocation, isProven, saveLocation } from "../location.ts"
import { type FoundCommit, tell } from "./found-commit.ts"

/** Places with the same content that are looked through. */
const MOST = 100

/** Its content has only just become known: is it the file that is missing elsewhere? */
export function moveTo(commit: FoundCommit, location: LocationRow): boolean {
  const from = twin(commit, location, (other) => other.state === "missing")
  return from !== null && move(commit, from, location)
}

/** It is gone: is it the file that was found elsewhere? */
export function moveFrom(commit: FoundCommit, location: LocationRow): boolean {
  const to = twin(commit, location, (other) => isProven(other))
  return to !== null && move(commit, location, to)
}

/** Another found place of the same file and content. */
function twin(
  { rows, drafts, backend }: FoundCommit,
  location: LocationRow,
  suits: (other: LocationRow) => boolean,
): LocationRow | null {
  const file = location.seen?.file
  // Most content lies in one place only, and a range costs as much as all that this commit has written.
  if (file === undefined || location.want === null || drafts.of(location.want).wanted < 2) return null
  const prefix = wantingPrefix(location.want) + locationKey(backend, "")
  for (const [row] of rows.range("locationsByBlob", { prefix, limit: MOST })) {
    const { key } = splitLocationKey(splitBlobRowKey(row).rest)
    const other = key === location.key ? null : rows.get("locations", locationKey(backend, key))
    if (other?.found && other.seen?.file === file && suits(other)) return other
  }
  return null
}

function move(commit: FoundCommit, from: LocationRow, to: LocationRow): boolean {
  const { rows, time } = commit
  const before = rows.get("objects", from.objectKey)
  const after = rows.get("objects", to.objectKey)
  if (!before || !after || before.key === after.key) return false
  // One of the two is about to become something else.
  if (before.id !== from.want || after.id !== to.want) return false
  const others = before.copies.filter((copy) => copy.backend !== from.backend || copy.key !== from.key)
  for (const copy of others) {
    const location = rows.get("locations", locationKey(copy.backend, copy.key))
    if (location?.objectKey === before.key) saveLocation(commit, location, { ...location, objectKey: after.key })
  }
  rows.put("objects", after.key, inherit(before, after, others, time))
  forgetLocation(commit, from)
  forgetObject(commit, before, before.version + 1)
  commit.drafts.touch(after.key)
  tell(commit, "moved", { key: after.key, id: after.id, detail: { from: before.key, place: from.key } })
  return true
}

function inherit(
  before: ObjectRecord,
  after: ObjectRecord,
  others: ObjectRecord["copies"],
  time: number,
): ObjectRecord {
  const isBare = Object.keys(after.custom).length === 0
  return {
    ...after,
    custom: isBare ? before.custom : after.custom,
    created: Math.min(before.created, after.created),
    modified: time,
    copies: [...after.copies, ...others],
  }
}
