/**
 * Reads a copy from a backend. Whole reads are hashed on the way, and their last bytes are held back until the hash is right: a bad copy
 * destroys the stream and never ends it cleanly (I7). Whole copies on remote backends come by a download, which caches them in staging on the
 * way (A25) and serves all who read them meanwhile.
 */
import type { Readable } from "node:stream"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import { isProvisional, splitBlobId } from "../core/blob-id.ts"
import type { ByteRange } from "../core/blob-source.ts"
import { isUnreadable } from "../core/unreadable.ts"
import { drifted } from "./drifted.ts"
import { exactly, streamOf } from "./exact-stream.ts"
import { readUnread } from "./read-unread.ts"
import type { StoreServices } from "./services.ts"

/** @param cache false for whoever brings the bytes into staging himself */
export async function readRemote(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
  { cache = true } = {},
): Promise<Readable> {
  const backend = await services.backends.opened(location.backend)
  if (cache && !backend.capabilities.local) {
    const shared = await services.downloads.read(services, blob, location, { range, signal })
    if (shared) return shared
  }
  if (isProvisional(blob.id)) return readUnread(services, blob, location, range, signal)
  const options = { ...(signal && { signal }) }
  const seen = await backend.stat(location.key, options)
  if (seen?.size !== blob.size) throw await drifted(services, blob, location, seen ? "corrupt" : "missing")
  const remote = await backend.get(location.key, { ...options, ...(range && { range }) })
  const checked = range ? exactly(remote, range.end - range.start) : verify(services, blob, location, remote)
  return streamOf(tellUnreadable(services, blob, location, checked), remote)
}

/** A copy that its disk does not give back is as bad as one with other bytes: it is put back to work. */
async function* tellUnreadable(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  checked: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  try {
    yield* checked
  } catch (error) {
    if (isUnreadable(error)) throw await drifted(services, blob, location, "unreadable")
    throw error
  }
}

/** The stream's chunks, each one late, the last only after the whole is proven; nothing beyond the blob's size. */
async function* verify(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  stream: Readable,
): AsyncGenerator<Buffer> {
  const { algorithm, hex } = splitBlobId(blob.id)
  const hasher = services.hashers.create(algorithm)
  let held: Buffer | null = null
  let size = 0
  try {
    for await (const chunk of stream) {
      const bytes = chunk as Buffer
      hasher.update(bytes)
      size += bytes.length
      if (size > blob.size) break
      if (held) yield held
      held = bytes
    }
  } finally {
    stream.destroy()
  }
  if (size !== blob.size || hasher.digest() !== hex) throw await drifted(services, blob, location, "corrupt")
  if (held) yield held
}
