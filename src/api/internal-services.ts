/** What the routes under `/internal/` offer to workers. Handed in, because only the composition has the parts. */
import type { WorkerDesk } from "../../queues/exchange.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { BlobSource } from "../core/blob-source.ts"
import type { Store } from "../store/store.ts"

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

/** A store that is open: alone, or with what its workers are served. */
export type Opened = Store | { store: Store; internal: InternalServices }

export function storeOf(opened: Opened): Store {
  return "store" in opened ? opened.store : opened
}

/** Null where the store does all its work itself. */
export function internalOf(opened: Opened): InternalServices | null {
  return "store" in opened ? opened.internal : null
}
