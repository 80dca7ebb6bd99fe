/** The handlers of the job kinds with what they need in a worker: bytes from the server or its disk, threads for hashing. */
import type { Done, Job } from "../queues/job.ts"
import type { StorageBackend } from "../src/backends/backend.ts"
import type { ChecksumPool } from "../src/checksums/pool.ts"
import type { HasherFactory } from "../src/core/checksum.ts"
import { systemClock } from "../src/core/clock.ts"
import { isStoredError, StoredError } from "../src/core/error.ts"
import type { Meter } from "../src/metrics/meter.ts"
import { checksum } from "./checksum.ts"
import type { ServerClient } from "./server-client.ts"
import type { StagedContent } from "./staged-content.ts"
import { sync } from "./sync.ts"

export interface HandlerParts {
  server: Pick<ServerClient, "suspect">
  staged: Pick<StagedContent, "source">
  pool: Pick<ChecksumPool, "hashFile">
  hashers: HasherFactory
  meter: Meter
}

export interface Handlers {
  sync(job: Job, backend: StorageBackend, signal: AbortSignal): Promise<Done<"sync">>
  checksum(job: Job, signal: AbortSignal): Promise<Done<"checksum">>
}

export function createHandlers({ server, staged, pool, hashers, meter }: HandlerParts): Handlers {
  return {
    sync: async (job, backend, signal) => {
      if (job.kind !== "sync") throw otherKind(job)
      return sync(
        job,
        {
          backend: async () => backend,
          content: (id, size, ended) => staged.source(id, size, ended, { backend: job.backend, key: job.key }),
          suspect: (id) => server.suspect(id, signal),
          copied: (bytes) => meter.bytes("copied", bytes),
          hashers,
          clock: systemClock,
        },
        signal,
      )
    },
    checksum: async (job, signal) => {
      if (job.kind !== "checksum") throw otherKind(job)
      return checksum(
        job,
        {
          content: (id, size, ended) => staged.source(id, size, ended),
          suspect: (id) => server.suspect(id, signal),
          hashFile: (path, algorithms, ended) => pool.hashFile(path, algorithms, { signal: ended }).catch(stagedFault),
          hashers,
        },
        signal,
      )
    },
  }
}

/** A staged file that was there a moment ago: the next try asks the server. */
function stagedFault(error: unknown): never {
  if (!isStoredError(error) || error.code !== "NOT_FOUND") throw error
  throw new StoredError("SOURCE_FAILED", "The staged content was taken away before it was read.", {
    retryable: true,
    cause: error,
  })
}

function otherKind(job: Job): StoredError {
  return new StoredError("INTERNAL", `A ${job.kind} job came to the handler of another kind.`, { retryable: true })
}
