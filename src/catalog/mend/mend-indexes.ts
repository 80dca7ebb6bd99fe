/** The rows that lead from a blob to the keys that name it and the places that want it, both ways. */
import type { BlobId } from "../../core/blob-id.ts"
import type { Engine } from "../rows/engine.ts"
import { locationKey, namingKey, namingPrefix, splitBlobRowKey, splitLocationKey, wantingKey } from "../rows/key.ts"
import { BlobDrafts } from "../transitions/blob-drafts.ts"
import { restoreLocation } from "../transitions/location.ts"
import { eachRow, look } from "../verify/walk.ts"
import type { Step } from "./mend.ts"

export async function* mendIndexes(engine: Engine, time: number): AsyncGenerator<Step> {
  for await (const [key, object] of eachRow(engine, "objects")) {
    const row = namingKey(object.id, key)
    if (look(engine, "objectsByBlob", row) === null) yield (rows) => rows.put("objectsByBlob", row, true)
  }
  for await (const [row] of eachRow(engine, "objectsByBlob")) {
    if (isStaleName(engine, row)) yield (rows) => rows.remove("objectsByBlob", row)
  }
  for await (const [, { want, backend, key }] of eachRow(engine, "locations")) {
    if (want === null) continue
    const row = wantingKey(want, backend, key)
    if (look(engine, "locationsByBlob", row) === null) yield (rows) => rows.put("locationsByBlob", row, true)
  }
  for await (const [row] of eachRow(engine, "locationsByBlob")) yield* mendWant(engine, row, time)
}

/** The object names another blob or was deleted. One that is simply not there was lost: what led to it stays. */
function isStaleName(engine: Engine, row: string): boolean {
  const { id, rest: key } = splitBlobRowKey(row)
  const object = look(engine, "objects", key)
  if (object === undefined) return false
  return object ? object.id !== id : Boolean(look(engine, "tombstones", key))
}

function* mendWant(engine: Engine, row: string, time: number): Iterable<Step> {
  const { id, rest } = splitBlobRowKey(row)
  const { backend, key } = splitLocationKey(rest)
  const location = look(engine, "locations", locationKey(backend, key))
  if (location === undefined || location?.want === id) return
  const objectKey = location === null ? objectWith(engine, id, { backend, key }) : null
  if (objectKey === null) yield (rows) => rows.remove("locationsByBlob", row)
  // The object says what should be there; what is there will be seen by the job.
  else
    yield (rows) => restoreLocation({ rows, drafts: new BlobDrafts(rows), time }, { backend, key, objectKey, want: id })
}

/** The object of that blob that has a copy at that place. */
function objectWith(engine: Engine, id: BlobId, place: { backend: string; key: string }): string | null {
  for (const [row] of engine.range("objectsByBlob", { prefix: namingPrefix(id) })) {
    const { rest: key } = splitBlobRowKey(row)
    const copies = look(engine, "objects", key)?.copies ?? []
    if (copies.some((copy) => copy.backend === place.backend && copy.key === place.key)) return key
  }
  return null
}
