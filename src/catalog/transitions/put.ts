/**
 * `put`: the key names the blob from now on. The blob is staged; its copies are wanted at the given places, those of the object's former
 * places that are not among them are wanted no more, and each of these has its one job.
 */
import type { BlobId } from "../../core/blob-id.ts"
import { StoredError } from "../../core/error.ts"
import type { PutFact } from "../catalog.ts"
import type { ObjectRecord } from "../record.ts"
import { locationKey, namingKey, requireStorableBackend, requireStorableKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import type { BlobRow, LocationRow } from "../rows/tables.ts"
import { BlobDrafts } from "./blob-drafts.ts"
import { requireConditions } from "./conditions.ts"
import { append } from "./journal.ts"
import { type Commit, retireCopy, wantCopy } from "./location.ts"
import { occupy, quotaGuard } from "./namespaces.ts"
import { schedule } from "./outbox.ts"
import { count } from "./totals.ts"

export interface PutResult {
  object: ObjectRecord
  blob: BlobRow
  /** those that are wanted now, then those that are wanted no more */
  locations: LocationRow[]
  isNew: boolean
  /** what the key named before, null where it named nothing */
  replaced: BlobId | null
  sequence: number
}

/** @throws StoredError CONFLICT, INVALID_KEY, QUOTA_EXCEEDED, UNAUTHENTICATED, INVALID_INPUT (the size is not that of the same blob before) */
export function put(rows: Rows, fact: PutFact): PutResult {
  const { key, id, time } = fact
  requireStorable(fact)
  const requireRoom = quotaGuard(rows, fact.token)
  const before = rows.get("objects", key)
  requireConditions(fact, before)
  requireFreePlaces(rows, fact)
  const drafts = new BlobDrafts(rows)
  // Bytes that were not here until now: jobs that looked for them in vain must not give the copies up after this.
  const fresh = drafts.find(id)?.staged !== true
  const blob = arrive(rows, drafts, fact)
  const object = nameBlob(rows, drafts, before, fact)
  requireRoom()
  const commit = { rows, drafts, time }
  const wanted = object.copies.map((copy) => wantCopy(commit, { ...copy, objectKey: key, want: id, fresh }))
  const retired = retireOthers(commit, before, object)
  drafts.settle(time)
  const isNew = before === null
  const backends = object.copies.map((copy) => copy.backend)
  const replaced = before?.id ?? null
  const { from } = fact
  const detail = {
    version: object.version,
    size: blob.size,
    isNew,
    replaced,
    backends,
    ...(from !== undefined && { from }),
  }
  const sequence = append(rows, { command: "put", time, key, id, actor: fact, detail })
  return { object, blob: rows.get("blobs", id)!, locations: [...wanted, ...retired], isNew, replaced, sequence }
}

function requireStorable(fact: PutFact): void {
  requireStorableKey(fact.key)
  for (const copy of fact.copies) {
    requireStorableBackend(copy.backend)
    requireStorableKey(copy.key)
  }
}

/** A place serves one object: whoever came second would overwrite the first one's copy, or take it along when deleted. Which one is not told: it may be another tenant's. */
function requireFreePlaces(rows: Rows, { key, copies }: PutFact): void {
  for (const copy of copies) {
    const location = rows.get("locations", locationKey(copy.backend, copy.key))
    if (!location || location.want === null || location.objectKey === key) continue
    throw new StoredError(
      "CONFLICT",
      `The place "${copy.key}" on backend "${copy.backend}" holds the copy of another object; choose another key.`,
      { details: { backend: copy.backend, place: copy.key } },
    )
  }
}

/** The blob's draft, with what this put knows of it. */
function arrive(rows: Rows, drafts: BlobDrafts, fact: PutFact): BlobRow {
  const known = drafts.find(fact.id)
  if (known && known.size !== fact.size) {
    throw new StoredError(
      "INVALID_INPUT",
      `The blob ${fact.id} has ${known.size} bytes, not ${fact.size}; one of the two was not hashed rightly.`,
      { details: { id: fact.id } },
    )
  }
  const blob = known ?? drafts.create(newBlob(fact))
  const fresh = Object.entries(fact.checksums).some(([algorithm, hex]) => blob.checksums[algorithm as never] !== hex)
  if (fresh) blob.checksums = { ...blob.checksums, ...fact.checksums }
  blob.staged = true
  blob.lastRead = Math.max(blob.lastRead, fact.time)
  requireSideChecksums(rows, blob, fact)
  return blob
}

function newBlob({ id, size, checksums, mimeType, time }: PutFact): BlobRow {
  return {
    id,
    size,
    checksums: { ...checksums },
    mimeType,
    created: time,
    modified: time,
    staged: true,
    lastRead: time,
    references: 0,
    wanted: 0,
    synced: 0,
    checksumState: "primary",
    checksumJob: null,
    missing: false,
  }
}

function requireSideChecksums(rows: Rows, blob: BlobRow, fact: PutFact): void {
  const lacking = fact.sideChecksums.some((algorithm) => blob.checksums[algorithm] === undefined)
  if (lacking) {
    // The same row as before, should there be one: a parked job goes back to work.
    const payload = { kind: "checksum" as const, id: blob.id }
    blob.checksumJob = schedule(rows, { payload, time: fact.time, sequence: blob.checksumJob })
  }
  blob.checksumState = blob.checksumJob === null ? "complete" : "primary"
}

function nameBlob(rows: Rows, drafts: BlobDrafts, before: ObjectRecord | null, fact: PutFact): ObjectRecord {
  const { key, id, time } = fact
  const buried = before ? null : rows.get("tombstones", key)
  if (!before) count(rows, { objects: 1 })
  if (buried !== null) {
    rows.remove("tombstones", key)
    count(rows, { tombstones: -1 })
  }
  if (before?.id !== id) {
    drafts.of(id).references += 1
    rows.put("objectsByBlob", namingKey(id, key), true)
    if (before) {
      drafts.of(before.id).references -= 1
      rows.remove("objectsByBlob", namingKey(before.id, key))
    }
  }
  const object: ObjectRecord = {
    key,
    id,
    version: (before?.version ?? buried ?? 0) + 1,
    size: fact.size,
    mimeType: fact.mimeType,
    custom: fact.custom,
    state: "ACTIVE",
    created: before?.created ?? time,
    modified: time,
    ...(fact.attributes && { attributes: fact.attributes }),
    copies: distinct(fact.copies),
  }
  rows.put("objects", key, object)
  occupy(rows, key, { bytes: object.size - (before?.size ?? 0), objects: before ? 0 : 1 })
  return object
}

function distinct(copies: PutFact["copies"]): PutFact["copies"] {
  const seen = new Map(copies.map(({ backend, key }) => [locationKey(backend, key), { backend, key }]))
  return [...seen.values()]
}

/** Places that the object had and has no more, unless they serve another object by now. */
function retireOthers(commit: Commit, before: ObjectRecord | null, object: ObjectRecord): LocationRow[] {
  if (!before) return []
  const kept = new Set(object.copies.map((copy) => locationKey(copy.backend, copy.key)))
  const retired: LocationRow[] = []
  for (const copy of before.copies) {
    const row = locationKey(copy.backend, copy.key)
    const location = kept.has(row) ? null : commit.rows.get("locations", row)
    if (location?.objectKey === object.key) retired.push(retireCopy(commit, location))
  }
  return retired
}
