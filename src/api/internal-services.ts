/** What the routes under `/internal/` offer to workers. Handed in, because only the composition has the parts. */
import type { WorkerDesk } from "../../queues/exchange.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { BlobSource } from "../core/blob-source.ts"

export interface InternalServices {
  desk: WorkerDesk
  /**
   * The bytes of a blob for a job, never from the location that the job is about.
   * @throws StoredError CORRUPT where no good copy can be read now, and what a copy's backend throws
   */
  content(id: BlobId, size: number, signal: AbortSignal, except?: { backend: string; key: string }): Promise<BlobSource>
  /** Told when the bytes that were handed out may be bad: they are looked at again. */
  suspect(id: BlobId): Promise<void>
}
