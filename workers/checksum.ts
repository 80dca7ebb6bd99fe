/**
 * The checksum handler (A27): side checksums of one blob, never of remote bytes on the fly. Small blobs are hashed where they are;
 * large local ones by the thread pool, so that nobody waits for a core. Checks the id's own checksum in the same pass, so that a side
 * checksum is never recorded for bytes that went bad.
 */
import type { ChecksumJob, Done } from "../queues/job.ts"
import { type BlobId, splitBlobId } from "../src/core/blob-id.ts"
import type { BlobSource } from "../src/core/blob-source.ts"
import type { ChecksumAlgorithm, Checksums, HasherFactory } from "../src/core/checksum.ts"
import { ConsistencyError, throwIfAborted } from "../src/core/error.ts"
import { isUnreadable } from "../src/core/unreadable.ts"

export interface ChecksumServices {
  content(id: BlobId, size: number, signal: AbortSignal): Promise<BlobSource>
  suspect(id: BlobId): Promise<void>
  /** Hashes a local file off the main thread. */
  hashFile(
    path: string,
    algorithms: ChecksumAlgorithm[],
    signal: AbortSignal,
  ): Promise<{ size: number; checksums: Checksums }>
  hashers: HasherFactory
}

/** Below this many bytes a hand-over to a thread costs more than the hashing. */
const THREAD_FROM = 256 * 1024

export async function checksum(
  job: ChecksumJob,
  services: ChecksumServices,
  signal: AbortSignal,
): Promise<Done<"checksum">> {
  if (job.algorithms.length === 0) return { type: "done", checksums: {} }
  const { algorithm, hex } = splitBlobId(job.id)
  const source = await services.content(job.id, job.size, signal)
  const algorithms: ChecksumAlgorithm[] = [algorithm, ...job.algorithms]
  const checksums = await orUnreadable(
    source.path && job.size >= THREAD_FROM
      ? services.hashFile(source.path, algorithms, signal).then((hashed) => hashed.checksums)
      : hashHere(source, algorithms, services.hashers, signal),
  )
  if (checksums?.[algorithm] !== hex) {
    await services.suspect(job.id)
    const what = checksums ? "do not hash to their id" : "cannot be read"
    throw new ConsistencyError("CORRUPT", `The staged bytes of ${job.id} ${what}.`, { retryable: true })
  }
  return { type: "done", checksums }
}

/** Null where the disk does not give the bytes back. */
async function orUnreadable(hashing: Promise<Checksums>): Promise<Checksums | null> {
  try {
    return await hashing
  } catch (error) {
    if (isUnreadable(error)) return null
    throw error
  }
}

async function hashHere(
  source: BlobSource,
  algorithms: ChecksumAlgorithm[],
  hashers: HasherFactory,
  signal: AbortSignal,
): Promise<Checksums> {
  const running = algorithms.map((algorithm) => [algorithm, hashers.create(algorithm)] as const)
  for await (const chunk of source.read()) {
    throwIfAborted(signal)
    for (const [, hasher] of running) hasher.update(chunk as Uint8Array)
  }
  return Object.fromEntries(running.map(([algorithm, hasher]) => [algorithm, hasher.digest()]))
}
