/**
 * Reads a copy from a backend. Whole reads are hashed on the way, and their last bytes are held back until the hash is right: a bad copy
 * destroys the stream and never ends it cleanly (I7). Copies on remote backends are cached in staging on the way (A25); whatever goes
 * wrong with the cache does not disturb the reader.
 */
import { PassThrough, Readable } from "node:stream"
import { syncQueue } from "../../queues/job.ts"
import type { BlobRecord, LocationRecord } from "../catalog/record.ts"
import { splitBlobId } from "../core/blob-id.ts"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import { ConsistencyError, StoredError, toStoredError } from "../core/error.ts"
import type { StoreServices } from "./services.ts"

export async function readRemote(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  range: ByteRange | undefined,
  signal: AbortSignal | undefined,
  { cache = true } = {},
): Promise<Readable> {
  const backend = await services.backends.opened(location.backend)
  const options = { ...(signal && { signal }) }
  const seen = await backend.stat(location.key, options)
  if (seen?.size !== blob.size) throw await drifted(services, blob, location, seen ? "corrupt" : "missing")
  const remote = await backend.get(location.key, { ...options, ...(range && { range }) })
  const checked = range ? exactly(remote, range.end - range.start) : verify(services, blob, location, remote)
  const stream = Readable.from(checked, { objectMode: false, highWaterMark: 1 << 18 })
  // A generator that nobody has begun to read runs no `finally`.
  stream.once("close", () => remote.destroy())
  return range || backend.capabilities.local || !cache ? stream : cacheOnTheWay(services, blob, stream)
}

/** A range that ends early breaks the stream. */
async function* exactly(stream: Readable, length: number): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of stream) {
    const bytes = chunk as Buffer
    size += bytes.length
    if (size > length) break
    yield bytes
  }
  if (size === length) return
  throw new StoredError("COPY_UNAVAILABLE", `The copy gave ${size} of ${length} bytes.`, { retryable: true })
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

/**
 * The error to throw for a copy that is not what it should be. It is put back to work, unless it has been overwritten since the read began: then
 * the copy is right and the read was late.
 */
async function drifted(
  services: StoreServices,
  blob: BlobRecord,
  location: LocationRecord,
  state: "missing" | "corrupt",
): Promise<StoredError> {
  const { backend, key } = location
  const current = services.catalog.location(backend, key)
  if (current?.generation !== location.generation || current.want !== blob.id) {
    const message = `The copy on backend "${backend}" was overwritten while it was read; ask again.`
    return new StoredError("COPY_UNAVAILABLE", message, { retryable: true })
  }
  await services.catalog.commitDrift({ backend, key, state, repair: true, time: services.clock.now() })
  services.runner.nudge(syncQueue(backend))
  const what = state === "missing" ? "is missing" : `does not hash to ${blob.id}`
  const message = `The copy on backend "${backend}" ${what}; it is being repaired.`
  return state === "missing" ? new StoredError("COPY_UNAVAILABLE", message) : new ConsistencyError("CORRUPT", message)
}

/** The reader's stream, which feeds staging as it goes. A cache that fails or is full is left out; the reader gets everything all the same. */
function cacheOnTheWay(services: StoreServices, blob: BlobRecord, verified: Readable): Readable {
  return Readable.from(feed(services, blob, verified), { objectMode: false, highWaterMark: 1 << 18 })
}

async function* feed(services: StoreServices, blob: BlobRecord, verified: Readable): AsyncGenerator<Buffer> {
  const copy = new PassThrough({ highWaterMark: 1 << 18 })
  // A reader that goes away takes the half-filled copy with it; that error is `keep`'s to report.
  copy.on("error", () => copy.destroy())
  const kept = keep(services, blob, { size: blob.size, once: true, read: () => copy }).finally(() => copy.destroy())
  try {
    for await (const chunk of verified) {
      if (!copy.destroyed && !copy.write(chunk)) await drained(copy)
      yield chunk as Buffer
    }
    copy.end()
  } finally {
    if (!copy.writableEnded) copy.destroy(new StoredError("ABORTED", "The read ended early."))
    await kept
  }
}

function drained(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off("drain", settle).off("close", settle)
      resolve()
    }
    stream.on("drain", settle).on("close", settle)
    if (stream.destroyed) settle()
  })
}

/** Receives the copy; never rejects, because the reader does not depend on it. */
async function keep(services: StoreServices, blob: BlobRecord, source: BlobSource): Promise<void> {
  const { algorithm, hex } = splitBlobId(blob.id)
  try {
    const received = await services.staging.receive(source, { algorithm, expect: { [algorithm]: hex }, durable: true })
    try {
      await services.catalog.commitStaged(blob.id, services.clock.now())
    } finally {
      received.hold.release()
    }
  } catch (error) {
    services.log.warn({ id: blob.id, error: toStoredError(error).toJSON() }, "a remote read could not be cached")
  }
}
