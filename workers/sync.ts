/**
 * The sync handler: makes one location true (law 3) and comes back only with proof (law 4).
 *
 * Wanted bytes that are there already are only verified. Otherwise they are written, and then the backend is asked what it holds:
 * by its own checksum where it has one, else by reading back. Nothing wanted: deleted, and seen to be absent. Idempotent; knows no
 * queue and no catalog.
 */
import type { Done, SyncJob } from "../queues/job.ts"
import type { BackendStat, StorageBackend } from "../src/backends/backend.ts"
import { type BlobId, splitBlobId } from "../src/core/blob-id.ts"
import type { BlobSource } from "../src/core/blob-source.ts"
import type { ChecksumAlgorithm, HasherFactory } from "../src/core/checksum.ts"
import type { Clock } from "../src/core/clock.ts"
import { StoredError, TransientAdapterError, throwIfAborted, toStoredError } from "../src/core/error.ts"

export interface SyncServices {
  /** The open backend. @throws StoredError where it cannot be used now */
  backend(name: string): Promise<StorageBackend>
  /** The blob's bytes, from wherever a good copy can be read other than the location itself. @throws StoredError */
  content(id: BlobId, size: number, signal: AbortSignal): Promise<BlobSource>
  /** Told when a backend holds other bytes than were written: the bytes that were read may be bad. */
  suspect(id: BlobId): Promise<void>
  /** Told how many bytes a backend has taken. */
  copied(bytes: number): void
  hashers: HasherFactory
  clock: Clock
}

export async function sync(job: SyncJob, services: SyncServices, signal: AbortSignal): Promise<Done<"sync">> {
  const backend = await services.backend(job.backend)
  throwIfAborted(signal)
  return job.want ? hold(job.key, job.want, backend, services, signal) : clear(job.key, backend, services, signal)
}

type Want = NonNullable<SyncJob["want"]>
interface Proof {
  by: "checksum" | "read-back"
  seen: BackendStat
}

async function hold(
  key: string,
  want: Want,
  backend: StorageBackend,
  services: SyncServices,
  signal: AbortSignal,
): Promise<Done<"sync">> {
  const before = await backend.stat(key, { signal })
  const proof =
    (before?.size === want.size && (await prove(key, want, before, backend, services, signal))) ||
    (await write(key, want, backend, services, signal))
  return {
    type: "done",
    have: want.id,
    verified: { at: services.clock.now(), by: proof.by },
    seen: { size: proof.seen.size, modified: proof.seen.modified },
  }
}

async function write(
  key: string,
  want: Want,
  backend: StorageBackend,
  services: SyncServices,
  signal: AbortSignal,
): Promise<Proof> {
  const source = await sourceOf(want, services, signal)
  const { mimeType, modified, mode } = want
  await backend.put(key, source, {
    signal,
    mimeType,
    ...(modified !== undefined && { modified }),
    ...(mode !== undefined && { mode }),
  })
  services.copied(want.size)
  const after = await backend.stat(key, { signal })
  const proof = after?.size === want.size ? await prove(key, want, after, backend, services, signal) : null
  if (proof) return proof
  // Wrong bytes under the key would look like a copy to everybody else.
  await backend.delete(key, { signal })
  await services.suspect(want.id)
  throw new TransientAdapterError(
    `After the write, backend "${backend.driver}" does not hold the right bytes under "${key}".`,
  )
}

/** A source that cannot be read now is not this backend's fault, and says so. */
async function sourceOf(want: Want, services: SyncServices, signal: AbortSignal): Promise<BlobSource> {
  try {
    return await services.content(want.id, want.size, signal)
  } catch (error) {
    const fault = toStoredError(error)
    if (!fault.retryable) throw fault
    throw new StoredError("SOURCE_FAILED", `The bytes cannot be read now: ${fault.message}`, {
      retryable: true,
      cause: fault,
    })
  }
}

/** The backend is seen holding these bytes now, or null where it holds others. */
async function prove(
  key: string,
  want: Want,
  seen: BackendStat,
  backend: StorageBackend,
  services: SyncServices,
  signal: AbortSignal,
): Promise<Proof | null> {
  const { algorithm, hex } = splitBlobId(want.id)
  if (backend.checksum && backend.capabilities.checksums.includes(algorithm)) {
    const observed = await backend.checksum(key, algorithm, { signal })
    return observed?.size === want.size && observed.hex === hex ? { by: "checksum", seen } : null
  }
  const observed = await readBack(key, algorithm, backend, services.hashers, signal)
  return observed === hex ? { by: "read-back", seen } : null
}

async function readBack(
  key: string,
  algorithm: ChecksumAlgorithm,
  backend: StorageBackend,
  hashers: HasherFactory,
  signal: AbortSignal,
): Promise<string> {
  const hasher = hashers.create(algorithm)
  const stream = await backend.get(key, { signal })
  try {
    for await (const chunk of stream) {
      throwIfAborted(signal)
      hasher.update(chunk as Uint8Array)
    }
  } finally {
    stream.destroy()
  }
  return hasher.digest()
}

async function clear(
  key: string,
  backend: StorageBackend,
  services: SyncServices,
  signal: AbortSignal,
): Promise<Done<"sync">> {
  await backend.delete(key, { signal })
  if (await backend.stat(key, { signal })) {
    throw new StoredError("BACKEND_UNAVAILABLE", `"${key}" is still there after its delete.`, { retryable: true })
  }
  return { type: "done", have: null, verified: { at: services.clock.now(), by: "absence" }, seen: null }
}
