/**
 * `delete`: the object, or some of its copies, are wanted no more. The object is gone at once and its bytes go by jobs; the key remembers its
 * version, so that a later put goes on behind it.
 */
import type { DeleteCommit, DeleteFact } from "../catalog.ts"
import type { ObjectRecord } from "../record.ts"
import { locationKey, namingKey, requireStorableKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import { BlobDrafts } from "./blob-drafts.ts"
import { requireConditions } from "./conditions.ts"
import { append } from "./journal.ts"
import { type Commit, retireCopy } from "./location.ts"
import { occupy } from "./namespaces.ts"
import { count } from "./totals.ts"

/** @throws StoredError CONFLICT, INVALID_KEY */
export function remove(rows: Rows, fact: DeleteFact): DeleteCommit {
  const { key, time } = fact
  requireStorableKey(key)
  const object = rows.get("objects", key)
  requireConditions(fact, object)
  if (!object) return { object, backends: [], sequence: null }
  const leaving = object.copies.filter((copy) => !fact.backends || fact.backends.includes(copy.backend))
  if (fact.backends && leaving.length === 0) return { object, backends: [], sequence: null }
  const drafts = new BlobDrafts(rows)
  const commit = { rows, drafts, time }
  // Whatever becomes of its copies, the blob has changed.
  drafts.of(object.id)
  retire(commit, object, leaving)
  const version = object.version + 1
  if (fact.backends) {
    const copies = object.copies.filter((copy) => !leaving.includes(copy))
    rows.put("objects", key, { ...object, version, copies, modified: time })
  } else forgetObject(commit, object, version)
  drafts.settle(time)
  const backends = [...new Set(leaving.map((copy) => copy.backend))]
  const { forced, to } = fact
  const detail = {
    version,
    backends,
    whole: !fact.backends,
    ...(forced && { forced }),
    ...(to !== undefined && { to }),
  }
  const sequence = append(rows, { command: "delete", time, key, id: object.id, actor: fact, detail })
  return { object, backends, sequence }
}

function retire(commit: Commit, object: ObjectRecord, copies: ObjectRecord["copies"]): void {
  for (const copy of copies) {
    const location = commit.rows.get("locations", locationKey(copy.backend, copy.key))
    if (location?.objectKey === object.key) retireCopy(commit, location)
  }
}

export function forgetObject({ rows, drafts }: Commit, object: ObjectRecord, version: number): void {
  rows.remove("objects", object.key)
  occupy(rows, object.key, { bytes: -object.size, objects: -1 })
  rows.remove("objectsByBlob", namingKey(object.id, object.key))
  rows.put("tombstones", object.key, version)
  drafts.of(object.id).references -= 1
  count(rows, { objects: -1, tombstones: 1 })
}
