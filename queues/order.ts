/**
 * The whole job behind a row of the outbox: what is wanted is asked of the catalog now, not when the row was written, so that a job that was
 * overtaken does the newer thing.
 */
import type { Catalog, Outcome } from "../src/catalog/catalog.ts"
import type { BlobRecord, JobPayload, LocationRecord } from "../src/catalog/record.ts"
import { isProvisional } from "../src/core/blob-id.ts"
import { TransientAdapterError } from "../src/core/error.ts"
import { type ChecksumJob, type Job, SMALL, type SyncJob } from "./job.ts"

export interface OrderSources {
  catalog: Pick<Catalog, "location" | "object" | "blob" | "locationsOf">
  /** side checksums that every blob should have */
  sideChecksums: ChecksumJob["algorithms"]
  /** ms that a job may take, to which the time for its bytes is added; absent: two minutes */
  deadline?: number
}

const BASE_DEADLINE = 120_000
/** the slowest transfer that is not taken for a hang */
const SLOWEST_BYTES_PER_MS = 64
/** what a timer can measure */
const LONGEST_DEADLINE = 2 ** 31 - 1

/** The job, or what has become of it where nothing is left to do. @throws StoredError retryable, where the catalog lacks a row */
export function orderOf(payload: JobPayload, sources: OrderSources): { job: Job } | { outcome: Outcome } {
  return payload.kind === "sync" ? syncOrder(payload, sources) : checksumOrder(payload.id, sources)
}

function syncOrder(
  { backend, key, generation: known }: Extract<JobPayload, { kind: "sync" }>,
  { catalog }: OrderSources,
): { job: SyncJob } | { outcome: Outcome } {
  const location = catalog.location(backend, key)
  // The location went with its row after this one was read: there is nothing to make true, and the catalog answers `gone`.
  if (!location) return { outcome: { kind: "sync", backend, key, generation: known, result: GONE } }
  const { generation, want: id, objectKey, state } = location
  const blob = id ? catalog.blob(id) : null
  if (id && !blob) throw new TransientAdapterError(`The catalog has no row for ${id}.`)
  const attributes = catalog.object(objectKey)?.attributes
  const want = blob && { id: blob.id, size: blob.size, mimeType: blob.mimeType, ...attributes }
  const distrust = want !== null && state === "corrupt"
  const twin = blob && !distrust ? twinOf(location, blob, catalog) : null
  const more = { ...(distrust && { distrust }), ...(twin && { twin }) }
  return { job: { version: 1, kind: "sync", backend, key, generation, want, ...more } }
}

/** Copies of a blob on one backend that are looked at for a proven one. */
const MOST_LOOKED_AT = 16

/** Not for a copy that went bad: what a server copies by reference has the same fault. */
function twinOf(
  { backend, key }: LocationRecord,
  { id, size }: BlobRecord,
  catalog: OrderSources["catalog"],
): SyncJob["twin"] | null {
  if (size <= SMALL || isProvisional(id)) return null
  for (const other of catalog.locationsOf(id, { after: [backend, ""], limit: MOST_LOOKED_AT })) {
    if (other.backend !== backend) return null
    const etag = other.seen?.etag
    if (other.key !== key && isProven(other) && etag) return { key: other.key, etag }
  }
  return null
}

function isProven({ state, have, want, verified }: LocationRecord): boolean {
  return state === "synced" && have === want && verified !== null && verified.by !== "listing"
}

function checksumOrder(
  id: ChecksumJob["id"],
  { catalog, sideChecksums }: OrderSources,
): { job: ChecksumJob } | { outcome: Outcome } {
  const blob = catalog.blob(id)
  if (!blob) return { outcome: { kind: "checksum", id, result: { type: "done", checksums: {} } } }
  const algorithms = sideChecksums.filter((algorithm) => !blob.checksums[algorithm])
  return { job: { version: 1, kind: "checksum", id, size: blob.size, algorithms } }
}

/** ms that a job may take before its slot is taken back. */
export function deadlineOf(payload: JobPayload, { catalog, deadline = BASE_DEADLINE }: OrderSources): number {
  const id = payload.kind === "sync" ? catalog.location(payload.backend, payload.key)?.want : payload.id
  const size = (id && catalog.blob(id)?.size) || 0
  return Math.min(deadline + size / SLOWEST_BYTES_PER_MS, LONGEST_DEADLINE)
}

const GONE = { type: "done" as const, have: null, verified: { at: 0, by: "absence" as const }, seen: null }
