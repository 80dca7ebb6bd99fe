/** Blobs: named, wanted and proven as often as they say (I2, I4), indexed as they are, with a reason to be there. */
import { isStoredError } from "../../core/error.ts"
import type { CatalogFault } from "../catalog.ts"
import type { Engine } from "../rows/engine.ts"
import {
  evictableKey,
  locationKey,
  namingPrefix,
  numberKey,
  splitBlobRowKey,
  splitChecksumKey,
  splitEvictableKey,
  splitLocationKey,
  wantingPrefix,
} from "../rows/key.ts"
import type { BlobRow } from "../rows/tables.ts"
import { isEvictable, isKept, isLost, sideChecksums } from "../transitions/blob.ts"
import { isProven } from "../transitions/location.ts"
import type { Tally } from "./tally.ts"
import { fault, look, walk } from "./walk.ts"

export async function* checkBlobs(engine: Engine, tally: Tally): AsyncGenerator<CatalogFault> {
  yield* walk(engine, "blobs", function* (_, blob) {
    tally.blob(blob)
    yield* checkCounts(engine, blob)
    yield* checkIndexes(engine, blob)
  })
  yield* walk(engine, "evictable", function* (row, size) {
    const { id, lastRead } = splitEvictableKey(row)
    const blob = look(engine, "blobs", id)
    if (blob === undefined) return
    if (!blob || !isEvictable(blob)) yield fault("I2", id, "It is listed as evictable, but may not go.")
    else if (Math.floor(blob.lastRead) !== lastRead || blob.size !== size) {
      yield fault("I12", id, "It is listed as evictable with another size or read time than its own.")
    }
  })
  yield* walk(engine, "checksums", function* (row) {
    const { algorithm, hex, id } = splitChecksumKey(row)
    const blob = look(engine, "blobs", id)
    if (blob === undefined) return
    if (blob?.checksums[algorithm as never] !== hex)
      yield fault("I12", row, "It leads to a blob that does not have this checksum.")
  })
}

function* checkCounts(engine: Engine, blob: BlobRow): Iterable<CatalogFault> {
  const counted = recount(engine, blob)
  if (!counted) return
  const { references, wanted, synced } = counted
  if (references !== blob.references)
    yield fault("I2", blob.id, `${references} objects name it, but its row says ${blob.references}.`)
  if (wanted !== blob.wanted)
    yield fault("I2", blob.id, `${wanted} locations want it, but its row says ${blob.wanted}.`)
  if (synced !== blob.synced)
    yield fault("I4", blob.id, `${synced} copies are proven, but its row says ${blob.synced}.`)
}

/** Null where a row of an index cannot be read: its own table's walk tells of that. */
export function recount(engine: Engine, blob: BlobRow): Pick<BlobRow, "references" | "wanted" | "synced"> | null {
  let references = 0
  let wanted = 0
  let synced = 0
  try {
    for (const _ of engine.range("objectsByBlob", { prefix: namingPrefix(blob.id) })) references += 1
    for (const [row] of engine.range("locationsByBlob", { prefix: wantingPrefix(blob.id) })) {
      const { backend, key } = splitLocationKey(splitBlobRowKey(row).rest)
      const location = look(engine, "locations", locationKey(backend, key))
      wanted += 1
      if (location && isProven(location)) synced += 1
    }
  } catch (error) {
    if (isStoredError(error) && error.code === "CATALOG_CORRUPT") return null
    throw error
  }
  return { references, wanted, synced }
}

function* checkIndexes(engine: Engine, blob: BlobRow): Iterable<CatalogFault> {
  if (!isKept(blob)) yield fault("I12", blob.id, "It is neither staged nor named nor wanted, but has a row.")
  if (isEvictable(blob) && look(engine, "evictable", evictableKey(blob.lastRead, blob.id)) === null) {
    yield fault("I12", blob.id, "It may be evicted, but is not listed as evictable.")
  }
  for (const key of sideChecksums(blob)) {
    if (look(engine, "checksums", key) === null)
      yield fault("I12", blob.id, `It is not found by its checksum ${key.split("\u0000")[0]}.`)
  }
  const lost = isLost(blob)
  if (lost !== blob.missing)
    yield fault("I12", blob.id, `Its bytes are ${lost ? "lost" : "there"}, but its objects are not marked so.`)
  yield* checkJob(engine, blob)
}

function* checkJob(engine: Engine, blob: BlobRow): Iterable<CatalogFault> {
  if (blob.checksumJob === null) {
    if (blob.checksumState === "primary")
      yield fault("I5", blob.id, "Its side checksums are awaited, but no job computes them.")
    return
  }
  const job = look(engine, "outbox", numberKey(blob.checksumJob))
  if (job === undefined) return
  if (job?.payload.kind !== "checksum" || job.payload.id !== blob.id) {
    yield fault("I5", blob.id, `Its checksum job ${blob.checksumJob} is not in the outbox.`)
  }
}
