/** The store as a whole, its jobs and its journal, as answers show them. */
import * as z from "zod"
import type { JournalRecord, OutboxRecord } from "../../catalog/record.ts"
import { STORE_EVENTS } from "../../core/event.ts"
import type { StagingStats } from "../../staging/staging.ts"
import type { StoreStatus, WorkerStatus } from "../../store/store.ts"
import { backend } from "./backend.ts"
import { blobId, bytes, jsonObject, serializedError, utcMs } from "./pieces.ts"
import { backendValidation } from "./validate.ts"

export const stagingStats: z.ZodType<StagingStats> = z
  .object({
    size: bytes,
    entries: z.int(),
    hits: z.int(),
    misses: z.int(),
    pinned: bytes.describe("bytes that may not go because a backend still wants them"),
    maxSize: bytes.nullable(),
  })
  .meta({ id: "StagingStats" })

export const evicted = z.object({ evicted: z.int(), bytes }).meta({ id: "Evicted" })

const worker: z.ZodType<WorkerStatus> = z
  .object({
    id: z.string(),
    host: z.string(),
    pid: z.int(),
    kinds: z.array(z.string()),
    backends: z.array(z.string()),
    running: z.int(),
    seen: utcMs,
    alive: z.boolean(),
  })
  .meta({ id: "Worker" })

export const status: z.ZodType<StoreStatus> = z
  .object({
    state: z.enum(["starting", "ready", "closing"]),
    objects: z.int(),
    blobs: z.int(),
    bytes: bytes.describe("of distinct content"),
    staging: stagingStats,
    stagingValidate: backendValidation.exactOptional(),
    backends: z.array(backend),
    queues: z.array(
      z.object({
        queue: z.string(),
        due: z.int(),
        parked: z.int(),
        running: z.int(),
        oldest: utcMs.nullable(),
      }),
    ),
    workers: z.array(worker),
    redis: z.enum(["ok", "away"]).nullable(),
    syncsCompleted: z.int(),
    syncsFailed: z.int(),
    lastSequence: z.int(),
  })
  .meta({ id: "Status" })

export const outboxRecord: z.ZodType<OutboxRecord> = z
  .object({
    sequence: z.int(),
    queue: z.string(),
    status: z.enum(["due", "parked"]),
    dueAt: utcMs,
    payload: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("sync"), backend: z.string(), key: z.string(), generation: z.int() }),
      z.object({ kind: z.literal("checksum"), id: blobId }),
    ]),
    attempts: z.int(),
    created: utcMs,
    modified: utcMs,
    error: serializedError.nullable(),
  })
  .meta({ id: "Job" })
export const failedPage = z.object({ jobs: z.array(outboxRecord) }).meta({ id: "FailedPage" })

export const journalRecord: z.ZodType<Omit<JournalRecord, "command"> & { command: string }> = z
  .object({
    sequence: z.int(),
    time: utcMs,
    command: z.string().describe("put, delete, sync, …"),
    key: z.string().nullable(),
    id: blobId.nullable(),
    backend: z.string().nullable(),
    principal: z.string().nullable().describe("who asked; null for the system itself"),
    requestId: z.string().nullable(),
    idempotencyKey: z.string().nullable(),
    detail: jsonObject,
    chain: z.string().describe("hash over the chain so far and this record"),
  })
  .meta({ id: "JournalRecord" })
export const journalPage = z.object({ records: z.array(journalRecord) }).meta({ id: "JournalPage" })

export const event = z
  .object({
    type: z.enum(STORE_EVENTS as [string, ...string[]]),
    sequence: z.int().nullable().describe("in the journal; null for a hint"),
    time: utcMs,
    data: jsonObject,
  })
  .meta({ id: "Event" })
