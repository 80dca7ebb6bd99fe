/** Read times, kept roughly, for eviction: no journal record, and the blob does not count as modified. */
import type { BlobId } from "../../core/blob-id.ts"
import type { Rows } from "../rows/rows.ts"
import { saveBlob } from "./blob.ts"

export function recordReads(rows: Rows, reads: ReadonlyMap<BlobId, number>): void {
  for (const [id, lastRead] of reads) {
    const blob = rows.get("blobs", id)
    if (blob && blob.lastRead < lastRead) saveBlob(rows, blob, { ...blob, lastRead })
  }
}
