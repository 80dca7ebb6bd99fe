/**
 * The sync handler: makes one location true (law 3) and comes back only with proof (law 4).
 *
 * Wanted bytes that are there already are only verified. Otherwise they are written, bound to what was there before where the backend can, and then proven
 * (`proof.ts`); where the same bytes lie under another key, the backend is asked to copy them, and they are sent only where that fails. Nothing wanted:
 * deleted, and seen to be absent. Idempotent; knows no queue and no catalog.
 */
import { type Done, SMALL, type SyncJob } from "../queues/job.ts"
import type { BackendPutOptions, BackendPutResult, BackendStat, StorageBackend } from "../src/backends/backend.ts"
import { type BlobId, splitBlobId } from "../src/core/blob-id.ts"
import type { BlobSource } from "../src/core/blob-source.ts"
import type { HasherFactory } from "../src/core/checksum.ts"
import type { Clock } from "../src/core/clock.ts"
import { isStoredError, StoredError, TransientAdapterError, throwIfAborted, toStoredError } from "../src/core/error.ts"
import { seenState } from "../src/core/seen-state.ts"
import { isUnreadable } from "../src/core/unreadable.ts"
import { type Proof, type ProofParts, proveByReading, proveThere, proveWritten, type Want } from "./proof.ts"

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
  return job.want ? hold(job, job.want, backend, services, signal) : clear(job.key, backend, services, signal)
}

async function hold(
  { key, distrust, twin }: Pick<SyncJob, "key" | "distrust" | "twin">,
  want: Want,
  backend: StorageBackend,
  services: SyncServices,
  signal: AbortSignal,
): Promise<Done<"sync">> {
  const parts: ProofParts = { key, want, backend, hashers: services.hashers, signal }
  const proof = await suspecting(want, services, async () => {
    return (await writeNew(parts, services)) ?? (await writeOver(parts, services, { distrust, twin }))
  })
  return {
    type: "done",
    have: want.id,
    verified: { at: services.clock.now(), by: proof.by },
    seen: seenState(proof.seen),
  }
}

/** Without a look before, where the backend refuses to write over something: most small objects are new, and the look would take as long as the write. Null: something is there. */
async function writeNew(parts: ProofParts, services: SyncServices): Promise<Proof | null> {
  const { backend, want } = parts
  if (!backend.refusesOver || want.size > SMALL) return null
  try {
    return await write(parts, null, services)
  } catch (error) {
    if (isStoredError(error) && error.code === "CONFLICT") return null
    throw error
  }
}

/** `distrust`: what the backend says of what lies there is not believed; only its bytes prove it, as after one bad read on the way */
async function writeOver(
  parts: ProofParts,
  services: SyncServices,
  { distrust, twin }: Pick<SyncJob, "distrust" | "twin">,
): Promise<Proof> {
  const { key, want, backend, signal } = parts
  const before = await backend.stat(key, { signal })
  const source = (): Promise<BlobSource> => sourceOf(want, services, signal)
  if (before?.size === want.size) {
    const there = await (distrust ? proveByReading(parts, before) : proveThere(parts, before, source))
    if (there) return there
  }
  if (!twin || !backend.copy) return write(parts, before, services)
  // Whatever came of it, something else may lie there by now.
  return (await copyTwin(parts, before, twin)) ?? writeOver(parts, services, { distrust })
}

/** From another copy of the same bytes, which the backend copies by itself. Null: they are to be sent. */
async function copyTwin(
  parts: ProofParts,
  before: BackendStat | null,
  twin: NonNullable<SyncJob["twin"]>,
): Promise<Proof | null> {
  const { key, want, backend, signal } = parts
  const proven = { size: want.size, checksum: splitBlobId(want.id), etag: twin.etag }
  try {
    const written = await backend.copy!(twin.key, key, { ...givenOf(parts, before), proven })
    const proof = await proveWritten(parts, before, written)
    if (proof) return proof
  } catch (error) {
    throwIfAborted(signal)
    // What hinders a copy need not hinder an upload, which tells its own fault; a server that says when to come again is not asked for more.
    if (!isStoredError(error) || error.details.retryAfter !== undefined) throw error
    return null
  }
  // The twin is not what it was proven to be. Its bytes here would look like a copy to everybody else.
  await backend.delete(key, { signal })
  return null
}

async function write(parts: ProofParts, before: BackendStat | null, services: SyncServices): Promise<Proof> {
  const { key, want, backend, signal } = parts
  const written = await put(parts, before, services)
  services.copied(want.size)
  const proof = await proveWritten(parts, before, written)
  if (proof) return proof
  // Wrong bytes under the key would look like a copy to everybody else.
  await backend.delete(key, { signal })
  await services.suspect(want.id)
  throw new TransientAdapterError(
    `After the write, backend "${backend.driver}" does not hold the right bytes under "${key}".`,
  )
}

async function put(parts: ProofParts, before: BackendStat | null, services: SyncServices): Promise<BackendPutResult> {
  const { key, want, backend, signal } = parts
  const source = await sourceOf(want, services, signal)
  return backend.put(key, source, { ...givenOf(parts, before), checksum: splitBlobId(want.id) })
}

/** What every write is told. */
function givenOf({ want, signal }: ProofParts, before: BackendStat | null): Omit<BackendPutOptions, "checksum"> {
  const { mimeType, modified, mode } = want
  // What has no etag cannot be told from what replaces it.
  const replaces = before ? before.etag : null
  return {
    signal,
    mimeType,
    ...(replaces !== undefined && { replaces }),
    ...(modified !== undefined && { modified }),
    ...(mode !== undefined && { mode }),
  }
}

/** Bytes that are not what they should be, or that their disk does not give back, are told of before the next try, which then reads another copy. */
async function suspecting<Result>(want: Want, services: SyncServices, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run()
  } catch (error) {
    if (!isStoredError(error) || !isBadSource(error)) throw error
    await services.suspect(want.id)
    throw new StoredError("SOURCE_FAILED", error.message, { retryable: true, cause: error })
  }
}

function isBadSource(error: StoredError): boolean {
  if (error.code === "CHECKSUM_MISMATCH") return true
  return (error.code === "SOURCE_FAILED" || error.code === "CORRUPT") && isUnreadable(error)
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
