/**
 * Reads content that was listed and never read (R12): no hash can prove it. It is what was listed where the backend shows it in the same state before and after.
 * Once it has passed through here as a whole its hash is known, and so is its id from then on.
 */
import type { Readable } from "node:stream"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import { blobId } from "../core/blob-id.ts"
import type { ByteRange } from "../core/blob-source.ts"
import type { IdAlgorithm } from "../core/checksum.ts"
import { toStoredError } from "../core/error.ts"
import { isSameState, seenState } from "../core/seen-state.ts"
import { drifted } from "./drifted.ts"
import { exactly, streamOf } from "./exact-stream.ts"
import { commitSightings } from "./scan/tell.ts"
import type { StoreServices } from "./services.ts"

export async function readUnread(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<Readable> {
  const options = { ...(signal && { signal }) }
  const backend = await services.backends.opened(location.backend)
  const asOf = services.catalog.lastSequence()
  const seen = await backend.stat(location.key, options)
  if (!seen || !location.seen || !isSameState(location.seen, seen))
    throw await drifted(services, blob, location, seen ? "corrupt" : "missing")
  const remote = await backend.get(location.key, { ...options, ...(range && { range }) })
  if (range) return streamOf(exactly(remote, range.end - range.start), remote)
  return streamOf(identify(services, blob, location, remote, asOf, signal), remote)
}

/** The last bytes are held back until the backend shows that it was one state. */
async function* identify(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  stream: Readable,
  asOf: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const algorithm = services.config.checksums[0] as IdAlgorithm
  const hasher = services.hashers.create(algorithm)
  let held: Buffer | null = null
  for await (const bytes of exactly(stream, blob.size)) {
    hasher.update(bytes)
    if (held) yield held
    held = bytes
  }
  const backend = await services.backends.opened(location.backend)
  const seen = await backend.stat(location.key, { ...(signal && { signal }) })
  if (!seen || !isSameState(location.seen!, seen))
    throw await drifted(services, blob, location, seen ? "corrupt" : "missing")
  const hex = hasher.digest()
  const found = {
    ...seenState(seen),
    id: blobId(algorithm, hex),
    checksums: { [algorithm]: hex },
    mimeType: blob.mimeType,
  }
  const sightings = [{ key: location.key, generation: location.generation, found }]
  // The reader has the bytes in any case.
  await commitSightings(services, { backend: location.backend, asOf, sightings, prefix: "", hash: false }).catch(
    (error: unknown) => {
      services.log.warn(
        { id: blob.id, error: toStoredError(error).toJSON() },
        "the id of what was read could not be kept",
      )
    },
  )
  if (held) yield held
}
