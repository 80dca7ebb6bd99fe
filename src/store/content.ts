/**
 * The bytes of a blob for a job: from staging, else from a proven copy elsewhere, which is brought into staging first. The location that the
 * job is about never serves as its own source.
 */
import { type BlobId, splitBlobId } from "../core/blob-id.ts"
import type { BlobSource } from "../core/blob-source.ts"
import { StoredError, throwIfAborted, toStoredError } from "../core/error.ts"
import { provenCopies } from "./reference.ts"
import { readRemote } from "./remote-read.ts"
import type { StoreServices } from "./services.ts"
import { suspect, suspectWhenCorrupt } from "./suspect.ts"

/** @throws StoredError CORRUPT where no good copy can be read now; retryable if one might be readable later */
export async function content(
  services: StoreServices,
  id: BlobId,
  size: number,
  signal: AbortSignal,
  except?: { backend: string; key: string },
): Promise<BlobSource> {
  if (services.catalog.blob(id)?.staged) {
    const staged = await services.staging.source(id, size)
    if (staged) return watched(services, id, staged)
    const found = await suspect(services, id)
    // A put has brought the bytes again in the meantime.
    const replaced = found === "good" ? await services.staging.source(id, size) : null
    if (replaced) return watched(services, id, replaced)
  }
  return restage(services, id, signal, except)
}

/** Whoever reads bad bytes by this source breaks off; whoever asks for the content after that gets another copy. */
function watched(services: StoreServices, id: BlobId, source: BlobSource): BlobSource {
  const read: BlobSource["read"] = (range) => {
    const stream = source.read(range)
    suspectWhenCorrupt(services, id, stream)
    return stream
  }
  return { ...source, read }
}

/** Brings a blob back into staging from the first proven copy that can be read and hashes to its id. */
export async function restage(
  services: StoreServices,
  id: BlobId,
  signal: AbortSignal,
  except?: { backend: string; key: string },
): Promise<BlobSource> {
  let failure: StoredError | null = null
  const blob = services.catalog.blob(id)
  const copies = blob ? provenCopies(services.catalog, { blob, object: null }, services.backends.names()) : []
  for (const location of copies) {
    if (location.backend === except?.backend && location.key === except.key) continue
    throwIfAborted(signal)
    try {
      const stream = await readRemote(services, blob!, location, undefined, signal, { cache: false })
      const received = await services.staging.receive(
        { size: blob!.size, once: true, read: () => stream },
        { algorithm: splitBlobId(id).algorithm, durable: true, signal },
      )
      try {
        await services.catalog.commitStaged(id, services.clock.now())
      } finally {
        received.hold.release()
      }
      const staged = await services.staging.source(id, blob!.size)
      if (staged) return staged
    } catch (error) {
      failure = toStoredError(error)
      services.log.warn(
        { id, backend: location.backend, error: failure.toJSON() },
        "a copy could not be read to mend another",
      )
    }
  }
  // A copy that cannot be read now is not a bad copy: the reason stays what it is.
  if (failure?.retryable) throw failure
  throw new StoredError(
    "CORRUPT",
    `No good copy of ${id} can be read${failure ? `: ${failure.message}` : "; every known copy is missing or bad"}.`,
    {
      cause: failure,
      retryable: failure?.retryable ?? false,
    },
  )
}
