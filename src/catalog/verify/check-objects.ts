/** Objects: each names a blob that is there and is found by it; versions of deleted keys are kept apart (I6). */
import type { CatalogFault } from "../catalog.ts"
import type { Engine } from "../rows/engine.ts"
import { namingKey, splitBlobRowKey } from "../rows/key.ts"
import type { Tally } from "./tally.ts"
import { fault, look, walk } from "./walk.ts"

export async function* checkObjects(engine: Engine, tally: Tally): AsyncGenerator<CatalogFault> {
  yield* walk(engine, "objects", function* (key, object) {
    tally.object(key, object.size)
    if (look(engine, "blobs", object.id) === null) yield fault("I12", key, `It names ${object.id}, which has no row.`)
    if (look(engine, "objectsByBlob", namingKey(object.id, key)) === null) {
      yield fault("I12", key, `It is not found among the keys of ${object.id}.`)
    }
    if (!Number.isSafeInteger(object.version) || object.version < 1)
      yield fault("I6", key, `It has the version ${object.version}.`)
    if (look(engine, "tombstones", key) !== null)
      yield fault("I6", key, "It exists, but is also remembered as deleted.")
  })
  yield* walk(engine, "objectsByBlob", function* (row) {
    const { id, rest: key } = splitBlobRowKey(row)
    const object = look(engine, "objects", key)
    if (object === undefined) return
    if (object?.id !== id) yield fault("I12", key, `It is listed among the keys of ${id}, but does not name it.`)
  })
  yield* walk(engine, "tombstones", function* (key, version) {
    tally.one("tombstones")
    if (!Number.isSafeInteger(version) || version < 1)
      yield fault("I6", key, `It was deleted with the version ${version}.`)
  })
}
