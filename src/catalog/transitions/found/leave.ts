/**
 * A place that a pattern passes over by now. What was only found there leaves the index, as if it had never been looked at: the file stays as it is. An object that has
 * other copies lives on in them. What others are still to be made from stays until they are.
 */
import type { LocationRow } from "../../rows/tables.ts"
import { forgetObject } from "../delete.ts"
import { forgetLocation, isProven } from "../location.ts"
import { type FoundCommit, tell } from "./found-commit.ts"

export function leave(commit: FoundCommit, location: LocationRow): "ignored" | "same" {
  const { rows, time } = commit
  const { backend, key: place, objectKey, want: id } = location
  const object = rows.get("objects", objectKey)
  const others = object?.copies.filter((copy) => copy.backend !== backend || copy.key !== place) ?? []
  if (isNeeded(commit, location, others.length)) return "same"
  forgetLocation(commit, location)
  if (!object) return "ignored"
  const version = object.version + 1
  const whole = others.length === 0
  if (whole) forgetObject(commit, object, version)
  else {
    rows.put("objects", objectKey, { ...object, version, copies: others, modified: time })
    commit.drafts.touch(objectKey)
  }
  tell(commit, "delete", { key: objectKey, id, detail: { version, backends: [backend], whole, place, ignored: true } })
  return "ignored"
}

/** Whether others, of this object or of another one, still have its bytes from here. */
function isNeeded({ drafts }: FoundCommit, location: LocationRow, others: number): boolean {
  if (location.want === null) return false
  const { staged, synced, wanted } = drafts.of(location.want)
  const isWanted = others > 0 || wanted > 1
  return isWanted && !staged && synced - (isProven(location) ? 1 : 0) === 0
}
