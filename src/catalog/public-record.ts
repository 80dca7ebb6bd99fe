/**
 * The records as callers get them: without what rows keep for themselves, and as objects of their own, so that nothing a caller does to one
 * reaches the rows. What lies deeper in a record is shared and frozen.
 */
import type { BlobRecord, CatalogCounters, LocationRecord, ObjectRecord } from "./record.ts"
import type { BlobRow, LocationRow, TotalsRow } from "./rows/tables.ts"

export function publicBlob(row: BlobRow): BlobRecord {
  return {
    id: row.id,
    size: row.size,
    checksums: row.checksums,
    mimeType: row.mimeType,
    created: row.created,
    modified: row.modified,
    staged: row.staged,
    lastRead: row.lastRead,
    references: row.references,
    wanted: row.wanted,
    synced: row.synced,
    checksumState: row.checksumState,
  }
}

export function publicObject(row: ObjectRecord): ObjectRecord {
  return { ...row }
}

export function publicLocation(row: LocationRow): LocationRecord {
  return {
    backend: row.backend,
    key: row.key,
    objectKey: row.objectKey,
    want: row.want,
    have: row.have,
    generation: row.generation,
    state: row.state,
    attempts: row.attempts,
    error: row.error,
    verified: row.verified,
    seen: row.seen,
    created: row.created,
    modified: row.modified,
    ...(row.found && { found: row.found }),
  }
}

export function publicCounters(row: TotalsRow): CatalogCounters {
  return {
    objects: row.objects,
    blobs: row.blobs,
    locations: row.locations,
    outbox: row.outbox,
    parked: row.parked,
    journal: row.journal,
    bytes: row.bytes,
    stagedEntries: row.stagedEntries,
    stagedBytes: row.stagedBytes,
    pinnedEntries: row.pinnedEntries,
    pinnedBytes: row.pinnedBytes,
    looks: row.looks,
    syncsCompleted: row.syncsCompleted,
    syncsFailed: row.syncsFailed,
  }
}

/** What staging holds. */
export function publicUsage({ stagedBytes, stagedEntries, pinnedBytes, pinnedEntries }: TotalsRow) {
  return { bytes: stagedBytes, entries: stagedEntries, pinnedBytes, pinnedEntries }
}
