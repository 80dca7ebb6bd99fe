/**
 * The rows that lead from a blob to the keys that name it and the places that want it, both ways. A row that leads to what was lost stays: it is
 * the trace of the loss, and as long as it is there the blob's bytes are not free to go.
 */
import type { BlobId } from "../../core/blob-id.ts"
import { StoredError } from "../../core/error.ts"
import type { Engine } from "../rows/engine.ts"
import { locationKey, namingKey, namingPrefix, splitBlobRowKey, splitLocationKey, wantingKey } from "../rows/key.ts"
import { eachRow, look } from "../verify/walk.ts"
import type { Step } from "./mend.ts"

export async function* mendNames(engine: Engine): AsyncGenerator<Step> {
  for await (const [key, object] of eachRow(engine, "objects")) {
    const row = namingKey(object.id, key)
    if (look(engine, "objectsByBlob", row) === null) yield (rows) => rows.put("objectsByBlob", row, true)
  }
  for await (const [row] of eachRow(engine, "objectsByBlob")) {
    if (isStaleName(engine, row)) yield (rows) => rows.remove("objectsByBlob", row)
  }
}

/** After the names, which tell of lost objects, and after the places, which come back from the objects that are there. */
export async function* mendWants(engine: Engine): AsyncGenerator<Step> {
  for await (const [, { want, backend, key }] of eachRow(engine, "locations")) {
    if (want === null) continue
    const row = wantingKey(want, backend, key)
    if (look(engine, "locationsByBlob", row) === null) yield (rows) => rows.put("locationsByBlob", row, true)
  }
  for await (const [row] of eachRow(engine, "locationsByBlob")) {
    if (isStaleWant(engine, row)) yield (rows) => rows.remove("locationsByBlob", row)
  }
}

/** The object names another blob or was deleted. One that is simply not there was lost. */
function isStaleName(engine: Engine, row: string): boolean {
  const { id, rest: key } = splitBlobRowKey(row)
  const object = look(engine, "objects", key)
  if (object === undefined) return false
  return object ? object.id !== id : Boolean(look(engine, "tombstones", key))
}

/** The location wants another blob, or is nobody's. Where an object of the blob was lost, it may have been the location's. */
function isStaleWant(engine: Engine, row: string): boolean {
  const { id, rest } = splitBlobRowKey(row)
  const { backend, key } = splitLocationKey(rest)
  const location = look(engine, "locations", locationKey(backend, key))
  if (location === undefined || location?.want === id) return false
  return location !== null || !hasLostObject(engine, id)
}

function hasLostObject(engine: Engine, id: BlobId): boolean {
  try {
    for (const [row] of engine.range("objectsByBlob", { prefix: namingPrefix(id) }))
      if (!look(engine, "objects", splitBlobRowKey(row).rest)) return true
    return false
  } catch (error) {
    // Which objects it has, nobody can tell.
    if (error instanceof StoredError && error.code === "CATALOG_CORRUPT") return true
    throw error
  }
}
