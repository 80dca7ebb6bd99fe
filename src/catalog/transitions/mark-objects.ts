/** The state of objects whose copies were looked at (C10): INCONSISTENT while one is to be read, MISSING where no bytes are left, ACTIVE otherwise. */
import { locationKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"

/** After their blobs are written. */
export function markObjects(rows: Rows, keys: Iterable<string>): void {
  for (const key of keys) {
    const object = rows.get("objects", key)
    if (!object) continue
    const isChanged = object.copies.some(
      (copy) => rows.get("locations", locationKey(copy.backend, copy.key))?.state === "changed",
    )
    const isMissing = rows.get("blobs", object.id)?.missing === true
    const state = isChanged ? "INCONSISTENT" : isMissing ? "MISSING" : "ACTIVE"
    if (object.state !== state) rows.put("objects", key, { ...object, state })
  }
}
