/**
 * Writes a blob's row together with all that follows from it: the counts, the index of what may be evicted, the index of side checksums, and
 * whether the objects that name it have lost their bytes. A blob that nothing names, nothing wants and that is not staged has no row.
 */
import type { BlobId } from "../../core/blob-id.ts"
import type { ObjectState } from "../../core/metadata.ts"
import type { BlobRecord } from "../record.ts"
import { checksumKey, evictableKey, namingPrefix, splitBlobRowKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import type { BlobRow } from "../rows/tables.ts"
import { removeJob } from "./outbox.ts"
import { count } from "./totals.ts"

/** Objects of one blob whose state is kept up to date; the rest is told by the blob's own row. */
export const MOST_MARKED = 1000

/** Staged, and either every wanted copy is proven and there is one, or nobody names or wants it any more. */
export function isEvictable(blob: BlobRecord): boolean {
  if (!blob.staged) return false
  return blob.wanted > 0 ? blob.synced === blob.wanted : blob.references === 0
}

/** Whether there is a reason to keep a row. */
export function isKept(blob: BlobRecord): boolean {
  return blob.staged || blob.references > 0 || blob.wanted > 0
}

export function saveBlob(rows: Rows, before: BlobRow | null, after: BlobRow): void {
  const kept = isKept(after) ? { ...after, missing: isLost(after) } : null
  indexEvictable(rows, before, kept)
  indexChecksums(rows, before, kept)
  tally(rows, before, kept)
  if (kept) rows.put("blobs", kept.id, kept)
  else forget(rows, after)
  if (kept && kept.missing !== (before?.missing ?? false))
    markObjects(rows, kept.id, kept.missing ? "MISSING" : "ACTIVE")
}

/** Named, but neither staged nor proven anywhere. */
export function isLost(blob: BlobRow): boolean {
  return !blob.staged && blob.synced === 0 && blob.references > 0
}

function forget(rows: Rows, blob: BlobRow): void {
  rows.remove("blobs", blob.id)
  if (blob.checksumJob !== null) removeJob(rows, blob.checksumJob)
}

function indexEvictable(rows: Rows, before: BlobRow | null, after: BlobRow | null): void {
  const was = before && isEvictable(before) ? evictableKey(before.lastRead, before.id) : null
  const is = after && isEvictable(after) ? evictableKey(after.lastRead, after.id) : null
  if (was === is) return
  if (was !== null) rows.remove("evictable", was)
  if (is !== null && after) rows.put("evictable", is, after.size)
}

function indexChecksums(rows: Rows, before: BlobRow | null, after: BlobRow | null): void {
  if (before?.checksums === after?.checksums) return
  const was = sideChecksums(before)
  const is = sideChecksums(after)
  for (const key of was) if (!is.includes(key)) rows.remove("checksums", key)
  for (const key of is) if (!was.includes(key)) rows.put("checksums", key, true)
}

/** The index rows of a blob: all checksums but the one that is its id. */
export function sideChecksums(blob: BlobRecord | null): string[] {
  if (!blob) return []
  return Object.entries(blob.checksums)
    .filter(([algorithm]) => !blob.id.startsWith(`${algorithm}:`))
    .map(([algorithm, hex]) => checksumKey(algorithm, hex, blob.id))
}

/** What one blob adds to the counts. */
export function countsOf(blob: BlobRecord | null) {
  const staged = blob?.staged ?? false
  const pinned = blob !== null && staged && !isEvictable(blob)
  const size = blob?.size ?? 0
  return {
    blobs: blob ? 1 : 0,
    bytes: size,
    stagedEntries: staged ? 1 : 0,
    stagedBytes: staged ? size : 0,
    pinnedEntries: pinned ? 1 : 0,
    pinnedBytes: pinned ? size : 0,
  }
}

function tally(rows: Rows, before: BlobRow | null, after: BlobRow | null): void {
  const was = countsOf(before)
  const is = countsOf(after)
  count(rows, {
    blobs: is.blobs - was.blobs,
    bytes: is.bytes - was.bytes,
    stagedEntries: is.stagedEntries - was.stagedEntries,
    stagedBytes: is.stagedBytes - was.stagedBytes,
    pinnedEntries: is.pinnedEntries - was.pinnedEntries,
    pinnedBytes: is.pinnedBytes - was.pinnedBytes,
  })
}

function markObjects(rows: Rows, id: BlobId, state: ObjectState): void {
  const keys = [...rows.range("objectsByBlob", { prefix: namingPrefix(id), limit: MOST_MARKED })]
  for (const [row] of keys) {
    const { rest: key } = splitBlobRowKey(row)
    const object = rows.get("objects", key)
    // While one of its own copies is to be read, that is what counts.
    if (object && object.state !== state && object.state !== "INCONSISTENT")
      rows.put("objects", key, { ...object, state })
  }
}
