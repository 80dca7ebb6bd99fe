/** Reads content that was listed and never read, by itself: a part of it, or from a backend whose bytes are not cached. */
import type { Readable } from "node:stream"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import type { ByteRange } from "../core/blob-source.ts"
import { exactly, streamOf } from "./exact-stream.ts"
import type { StoreServices } from "./services.ts"
import { UnreadContent } from "./unread-content.ts"

export async function readUnread(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
): Promise<Readable> {
  const unread = new UnreadContent(services, blob, location)
  const backend = await unread.begin(signal)
  const remote = await backend.get(location.key, { ...(signal && { signal }), ...(range && { range }) })
  if (range) return streamOf(exactly(remote, range.end - range.start), remote)
  return streamOf(identify(services, unread, exactly(remote, blob.size), signal), remote)
}

/** The last bytes are held back until the backend shows that it was one state. */
async function* identify(
  services: StoreServices,
  unread: UnreadContent,
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const hasher = services.hashers.create(unread.algorithm)
  let held: Buffer | null = null
  for await (const chunk of bytes) {
    hasher.update(chunk)
    if (held) yield held
    held = chunk
  }
  await unread.end(hasher.digest(), signal)
  if (held) yield held
}
