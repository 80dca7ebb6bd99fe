/** Writes rows of the outbox, with the index by due time, the index of parked rows, and the counts of each queue. */
import type { SerializedError } from "../../core/error.ts"
import { StoredError } from "../../core/error.ts"
import type { JobPayload, OutboxRecord } from "../record.ts"
import { dueKey, numberKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import { count } from "./totals.ts"

export const CHECKSUM_QUEUE = "checksum"

export function syncQueue(backend: string): string {
  return `sync-${backend}`
}

export function queueOf(payload: JobPayload): string {
  return payload.kind === "sync" ? syncQueue(payload.backend) : CHECKSUM_QUEUE
}

export interface Schedule {
  payload: JobPayload
  /** UTC ms */
  time: number
  /** the row that stands for the same subject already; it is taken over, so that there is never a second one */
  sequence: number | null
  /** UTC ms; absent: now */
  dueAt?: number
  /** absent: 0 */
  attempts?: number
  error?: SerializedError | null
  /** a row that waits for somebody to retry it */
  parked?: boolean
}

/** Adds or replaces the row of a subject. Returns its sequence. */
export function schedule(rows: Rows, job: Schedule): number {
  const before = job.sequence === null ? null : readJob(rows, job.sequence)
  const sequence = before?.sequence ?? count(rows, { outboxSequence: 1 }).outboxSequence
  save(rows, before, {
    sequence,
    queue: queueOf(job.payload),
    status: job.parked ? "parked" : "due",
    dueAt: job.dueAt ?? job.time,
    payload: job.payload,
    attempts: job.attempts ?? 0,
    created: before?.created ?? job.time,
    modified: job.time,
    error: job.error ?? null,
  })
  return sequence
}

export function removeJob(rows: Rows, sequence: number): void {
  save(rows, readJob(rows, sequence), null)
}

/** @throws StoredError CATALOG_CORRUPT where a location or blob points to a row that is not there */
export function readJob(rows: Pick<Rows, "get">, sequence: number): OutboxRecord {
  const row = rows.get("outbox", numberKey(sequence))
  if (row) return row
  throw new StoredError("CATALOG_CORRUPT", `The outbox row ${sequence} is missing; run "stored doctor".`, {
    details: { sequence },
  })
}

function save(rows: Rows, before: OutboxRecord | null, after: OutboxRecord | null): void {
  if (before) unindex(rows, before)
  if (after) {
    rows.put("outbox", numberKey(after.sequence), after)
    index(rows, after)
  } else if (before) rows.remove("outbox", numberKey(before.sequence))
  const added = (after ? 1 : 0) - (before ? 1 : 0)
  const parked = (after?.status === "parked" ? 1 : 0) - (before?.status === "parked" ? 1 : 0)
  if (added === 0 && parked === 0) return
  count(rows, { outbox: added, parked })
  countQueue(rows, (after ?? before)!.queue, added - parked, parked)
}

function index(rows: Rows, row: OutboxRecord): void {
  if (row.status === "due") rows.put("outboxDue", dueKey(row.queue, row.dueAt, row.sequence), true)
  else rows.put("parked", numberKey(row.sequence), { queue: row.queue, parkedAt: row.modified })
}

function unindex(rows: Rows, row: OutboxRecord): void {
  if (row.status === "due") rows.remove("outboxDue", dueKey(row.queue, row.dueAt, row.sequence))
  else rows.remove("parked", numberKey(row.sequence))
}

function countQueue(rows: Rows, queue: string, due: number, parked: number): void {
  const counts = rows.edit("queues", queue, { due: 0, parked: 0 })
  counts.due += due
  counts.parked += parked
  if (counts.due === 0 && counts.parked === 0) rows.remove("queues", queue)
}
