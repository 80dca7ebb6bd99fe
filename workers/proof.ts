/**
 * Law 4: a copy is proven by what the backend is seen holding, by the strongest means that it has: a digest it vouches for, its own checksum, an etag computed
 * here from the bytes, and where none of these can be had, by reading back.
 */
import type { SyncJob } from "../queues/job.ts"
import type { BackendPutResult, BackendStat, StorageBackend } from "../src/backends/backend.ts"
import { splitBlobId } from "../src/core/blob-id.ts"
import type { BlobSource } from "../src/core/blob-source.ts"
import type { ChecksumAlgorithm, HasherFactory } from "../src/core/checksum.ts"
import { TransientAdapterError, throwIfAborted } from "../src/core/error.ts"
import { isUnreadable } from "../src/core/unreadable.ts"
import { type Backoff, pause } from "./backoff.ts"

export type Want = NonNullable<SyncJob["want"]>

export interface Proof {
  by: "checksum" | "read-back" | "etag"
  seen: BackendStat
}

export interface ProofParts {
  key: string
  want: Want
  backend: StorageBackend
  hashers: HasherFactory
  signal: AbortSignal
}

/** How long a backend may show what was there before a write: looked at again five times, over six seconds. */
const STALE: Backoff = { first: 200, most: 3_200 }
const LOOKS = 5

/** The backend is seen holding these bytes, of which `seen` tells, or null where it holds others. @param source the bytes as they are here */
export async function proveThere(
  parts: ProofParts,
  seen: BackendStat,
  source: () => Promise<BlobSource>,
): Promise<Proof | null> {
  const { key, want, backend, signal } = parts
  const checksum = splitBlobId(want.id)
  const told = await proveByChecksum(parts, seen)
  if (told !== "unknown") return told
  const found = await backend.recognise?.(key, { size: want.size, checksum }, source, { signal })
  if (found === "same") return { by: "etag", seen }
  return found === "other" ? null : proveByReading(parts, seen)
}

/**
 * The same after a write. @param before what was there before it
 * @throws StoredError BACKEND_UNAVAILABLE where the backend still shows that
 */
export async function proveWritten(
  parts: ProofParts,
  before: BackendStat | null,
  written: BackendPutResult,
): Promise<Proof | null> {
  const { want } = parts
  const seen = await lookAfter(parts, before, written)
  if (seen?.size !== want.size) return null
  const told = await proveByChecksum(parts, seen)
  if (told !== "unknown") return told
  if (written.etag !== undefined && seen.etag === written.etag) return { by: "etag", seen }
  // Another etag than these bytes have may be of a server that has changed its ways: the bytes decide.
  return proveByReading(parts, seen)
}

async function lookAfter(
  { key, backend, signal }: ProofParts,
  before: BackendStat | null,
  written: BackendPutResult,
): Promise<BackendStat | null> {
  for (let looks = 1; ; looks += 1) {
    const seen = await backend.stat(key, { signal })
    if (backend.capabilities.local || !isStale(seen, before, written)) return seen
    if (looks > LOOKS) {
      throw new TransientAdapterError(`After the write, backend "${backend.driver}" still shows the old "${key}".`)
    }
    await pause(looks, STALE, signal)
  }
}

function isStale(seen: BackendStat | null, before: BackendStat | null, { etag }: BackendPutResult): boolean {
  if (seen === null) return true
  return etag !== undefined && seen.etag !== etag && before !== null && seen.etag === before.etag
}

async function proveByChecksum(
  { key, want, backend, signal }: ProofParts,
  seen: BackendStat,
): Promise<Proof | null | "unknown"> {
  const { algorithm, hex } = splitBlobId(want.id)
  const vouched = seen.checksums?.[algorithm]
  if (vouched !== undefined) return vouched === hex ? { by: "checksum", seen } : null
  if (!backend.checksum || !backend.capabilities.checksums.includes(algorithm)) return "unknown"
  const observed = await orUnreadable(backend.checksum(key, algorithm, { signal }))
  return observed?.size === want.size && observed.hex === hex ? { by: "checksum", seen } : null
}

/** By the bytes as the backend gives them now, whatever it says of them. */
export async function proveByReading(
  { key, want, backend, hashers, signal }: ProofParts,
  seen: BackendStat,
): Promise<Proof | null> {
  const { algorithm, hex } = splitBlobId(want.id)
  const observed = await orUnreadable(readBack(key, algorithm, backend, hashers, signal))
  return observed === hex ? { by: "read-back", seen } : null
}

/** Null where the backend's disk does not give the bytes back: it does not hold them, and is to be given them anew. */
async function orUnreadable<Observed>(reading: Promise<Observed>): Promise<Observed | null> {
  try {
    return await reading
  } catch (error) {
    if (isUnreadable(error)) return null
    throw error
  }
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
