/** What a blob's row counts, and the indexes that follow from it: what may be evicted, and side checksums. */
import { StoredError } from "../../core/error.ts"
import type { Engine } from "../rows/engine.ts"
import { evictableKey, namingPrefix, splitChecksumKey, splitEvictableKey, wantingPrefix } from "../rows/key.ts"
import type { BlobRow } from "../rows/tables.ts"
import { isEvictable, isKept, isLost, sideChecksums } from "../transitions/blob.ts"
import { recount } from "../verify/check-blobs.ts"
import { eachRow, look } from "../verify/walk.ts"
import type { Step } from "./mend.ts"

export async function* mendBlobs(engine: Engine): AsyncGenerator<Step> {
  for await (const [id, blob] of eachRow(engine, "blobs")) {
    const counted = recount(engine, blob)
    if (!counted) continue
    const mended = { ...blob, ...counted }
    const { references, wanted, synced } = blob
    const isSame = references === counted.references && wanted === counted.wanted && synced === counted.synced
    if (!isKept(mended)) yield (rows) => rows.remove("blobs", id)
    else if (!isSame || blob.missing !== isLost(mended))
      yield (rows) => rows.put("blobs", id, { ...mended, missing: isLost(mended) })
  }
}

export async function* mendBlobIndexes(engine: Engine): AsyncGenerator<Step> {
  for await (const [, blob] of eachRow(engine, "blobs")) {
    const row = evictableKey(blob.lastRead, blob.id)
    if (isEvictable(blob) && look(engine, "evictable", row) === null)
      yield (rows) => rows.put("evictable", row, blob.size)
    for (const key of sideChecksums(blob)) {
      if (look(engine, "checksums", key) === null) yield (rows) => rows.put("checksums", key, true)
    }
  }
  for await (const [row, size] of eachRow(engine, "evictable")) {
    const { id } = splitEvictableKey(row)
    const isRight = (blob: BlobRow): boolean =>
      isEvictable(blob) && evictableKey(blob.lastRead, id) === row && blob.size === size
    yield* dropStale(engine, "evictable", row, id, isRight)
  }
  for await (const [row] of eachRow(engine, "checksums")) {
    const { id } = splitChecksumKey(row)
    yield* dropStale(engine, "checksums", row, id, (blob) => sideChecksums(blob).includes(row))
  }
}

/** A row that leads to a blob which is not so. Where the blob itself was lost, what led to it stays. */
function* dropStale(
  engine: Engine,
  table: "evictable" | "checksums",
  row: string,
  id: BlobRow["id"],
  isRight: (blob: BlobRow) => boolean,
): Iterable<Step> {
  const blob = look(engine, "blobs", id)
  if (blob === undefined || (blob && isRight(blob))) return
  if (blob || !isSpokenOf(engine, id)) yield (rows) => rows.remove(table, row)
}

function isSpokenOf(engine: Engine, id: BlobRow["id"]): boolean {
  try {
    for (const _ of engine.range("objectsByBlob", { prefix: namingPrefix(id), limit: 1 })) return true
    for (const _ of engine.range("locationsByBlob", { prefix: wantingPrefix(id), limit: 1 })) return true
    return false
  } catch (error) {
    if (error instanceof StoredError && error.code === "CATALOG_CORRUPT") return true
    throw error
  }
}
