/**
 * The catalog's ordered reads. Iterations go page by page and resume by key: nothing is held between two pages, and rows that commits add or
 * take away meanwhile are seen or not seen, but never twice.
 */
import type { BlobId } from "../core/blob-id.ts"
import type { ChecksumAlgorithm } from "../core/checksum.ts"
import { publicBlob, publicLocation } from "./public-record.ts"
import type { BackendRecord, BlobRecord, JournalRecord, LocationRecord, ObjectRecord, OutboxRecord } from "./record.ts"
import {
  checksumPrefix,
  dueKey,
  duePrefix,
  locationKey,
  namingKey,
  numberKey,
  parseNumberKey,
  splitBlobRowKey,
  splitChecksumKey,
  splitDueKey,
  splitEvictableKey,
  splitLocationKey,
  wantingKey,
  wantingPrefix,
} from "./rows/key.ts"
import type { ReadRows, RowRange } from "./rows/rows.ts"
import { readJob } from "./transitions/outbox.ts"

interface Page {
  prefix?: string
  after?: string
  limit?: number
}

export function* objects(rows: ReadRows, page: Page): Iterable<ObjectRecord> {
  for (const [, record] of rows.range("objects", page)) yield record
}

export function* keysOf(rows: ReadRows, id: BlobId, { prefix = "", after, limit }: Page): Iterable<string> {
  const range = { prefix: namingKey(id, prefix), ...from(after, (key) => namingKey(id, key)), ...upTo(limit) }
  for (const [row] of rows.range("objectsByBlob", range)) yield splitBlobRowKey(row).rest
}

export function* locationsOf(
  rows: ReadRows,
  id: BlobId,
  { after, limit }: { after?: [string, string]; limit?: number },
): Iterable<LocationRecord> {
  const range = {
    prefix: wantingPrefix(id),
    ...from(after, ([backend, key]) => wantingKey(id, backend, key)),
    ...upTo(limit),
  }
  for (const [row] of rows.range("locationsByBlob", range)) {
    const { backend, key } = splitLocationKey(splitBlobRowKey(row).rest)
    const location = rows.get("locations", locationKey(backend, key))
    // A commit between two pages may have taken it away.
    if (location) yield publicLocation(location)
  }
}

export function* locations(
  rows: ReadRows,
  backend: string,
  { prefix = "", after, limit }: Page,
): Iterable<LocationRecord> {
  const range = {
    prefix: locationKey(backend, prefix),
    ...from(after, (key) => locationKey(backend, key)),
    ...upTo(limit),
  }
  for (const [, row] of rows.range("locations", range)) yield publicLocation(row)
}

export function* looks(rows: ReadRows, backend: string, { after, limit }: Page): Iterable<string> {
  const range = { prefix: locationKey(backend, ""), ...from(after, (key) => locationKey(backend, key)), ...upTo(limit) }
  for (const [row] of rows.range("looks", range)) yield splitLocationKey(row).key
}

export function* blobs(rows: ReadRows, page: { after?: BlobId; limit?: number }): Iterable<BlobRecord> {
  for (const [, row] of rows.range("blobs", page)) yield publicBlob(row)
}

export function backends(rows: ReadRows): BackendRecord[] {
  return Array.from(rows.range("backends", {}), ([, record]) => record)
}

/** By the id itself, or by a side checksum. Weak ones may be shared; then the first id. */
export function findByChecksum(rows: ReadRows, algorithm: ChecksumAlgorithm, hex: string): BlobId | null {
  const own = `${algorithm}:${hex}` as BlobId
  if (rows.get("blobs", own)) return own
  for (const [row] of rows.range("checksums", { prefix: checksumPrefix(algorithm, hex), limit: 1 })) {
    return splitChecksumKey(row).id
  }
  return null
}

export function due(rows: ReadRows, queue: string, { now, limit }: { now: number; limit: number }): OutboxRecord[] {
  const range = { prefix: duePrefix(queue), before: dueKey(queue, now + 1, 0), limit }
  return Array.from(rows.range("outboxDue", range), ([row]) => readJob(rows, splitDueKey(row).sequence))
}

export function nextDue(rows: ReadRows, queue: string): number | null {
  return firstDue(rows, queue)?.dueAt ?? null
}

function firstDue(rows: ReadRows, queue: string): { dueAt: number; sequence: number } | null {
  for (const [row] of rows.range("outboxDue", { prefix: duePrefix(queue), limit: 1 })) return splitDueKey(row)
  return null
}

/** `oldest`: when the row that is due first was created, UTC ms; null where none is. */
export function queues(rows: ReadRows): { queue: string; due: number; parked: number; oldest: number | null }[] {
  return Array.from(rows.range("queues", {}), ([queue, counts]) => {
    const first = firstDue(rows, queue)
    return { queue, ...counts, oldest: first && readJob(rows, first.sequence).created }
  })
}

export interface OutboxPage {
  status?: "due" | "parked"
  queue?: string
  afterSequence?: number
  limit?: number
}

export function* outbox(rows: ReadRows, page: OutboxPage): Iterable<OutboxRecord> {
  const { status, queue, afterSequence, limit = Number.POSITIVE_INFINITY } = page
  let left = limit
  for (const row of outboxRows(rows, status, from(afterSequence, numberKey))) {
    if (left <= 0) return
    if ((status && row.status !== status) || (queue !== undefined && row.queue !== queue)) continue
    left -= 1
    yield row
  }
}

export function jobOf(rows: ReadRows, subject: { backend: string; key: string } | { id: BlobId }): OutboxRecord | null {
  const sequence =
    "id" in subject
      ? rows.get("blobs", subject.id)?.checksumJob
      : rows.get("locations", locationKey(subject.backend, subject.key))?.job
  // A job that ended between the two looks, which are of no transaction, is none any more. Whether rows are missing is the doctor's to say.
  return sequence == null ? null : (rows.get("outbox", numberKey(sequence)) ?? null)
}

/** Parked rows have an index of their own, because they are few among many. */
function* outboxRows(rows: ReadRows, status: OutboxPage["status"], range: RowRange): Iterable<OutboxRecord> {
  if (status !== "parked") {
    for (const [, row] of rows.range("outbox", range)) yield row
    return
  }
  for (const [key] of rows.range("parked", range)) {
    const row = rows.get("outbox", numberKey(parseNumberKey(key)))
    if (row) yield row
  }
}

export function* journal(rows: ReadRows, { after, limit }: { after: number; limit?: number }): Iterable<JournalRecord> {
  for (const [, record] of rows.range("journal", { after: numberKey(after), ...upTo(limit) })) yield record
}

export interface EvictablePage {
  entries: { id: BlobId; size: number; lastRead: number }[]
  cursor: string | null
}

export function evictable(rows: ReadRows, { limit, after }: { limit: number; after?: string }): EvictablePage {
  const entries: EvictablePage["entries"] = []
  let last: string | null = null
  for (const [row, size] of rows.range("evictable", { ...from(after, String), limit })) {
    entries.push({ ...splitEvictableKey(row), size })
    last = row
  }
  return { entries, cursor: entries.length < limit ? null : last }
}

function from<Cursor>(after: Cursor | undefined, key: (cursor: Cursor) => string): { after?: string } {
  return after === undefined ? {} : { after: key(after) }
}

function upTo(limit: number | undefined): { limit?: number } {
  return limit === undefined ? {} : { limit }
}
