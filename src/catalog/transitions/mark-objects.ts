/** The state of objects whose copies were looked at (C10): INCONSISTENT while one is to be read, MISSING where no bytes are left, ACTIVE otherwise. */
import type { BlobId } from "../../core/blob-id.ts"
import { locationKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import { stateSeen } from "./object-states.ts"

/** @param isLost whether a blob's bytes are nowhere once this commit is done */
export function markObjects(rows: Rows, keys: Iterable<string>, isLost: (id: BlobId) => boolean): void {
  for (const key of keys) {
    const object = rows.get("objects", key)
    if (!object) continue
    const isChanged = object.copies.some(
      (copy) => rows.get("locations", locationKey(copy.backend, copy.key))?.state === "changed",
    )
    const isMissing = isLost(object.id)
    const state = stateSeen(object.state, isChanged ? "changed" : isMissing ? "missing" : "whole")
    if (object.state !== state) rows.put("objects", key, { ...object, state })
  }
}
