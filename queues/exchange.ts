/**
 * What a worker and the server tell each other about jobs (DESIGN §3, law 2). The queue carries pointers only; a worker claims a job before it
 * begins, and the server, which alone knows what is wanted now, answers with an order or with nothing. When the job has ended, its result goes
 * the same way, and the worker lets go of the queue's job only once the server has answered that the outcome is committed. Both go in batches, many
 * of each in one message; an empty message says that the worker is alive.
 *
 *   worker                                server
 *   queue gives pointer ----- claim ---->  is it still wanted, by a live claim of nobody else, and does the backend take one more now?
 *                       <---- order -----  yes: the whole job, a claim number, ms it may take; no: nothing to do, or ms to wait
 *   handler runs
 *                       ---- result ---->  commit, events, next job of that location
 *   queue's job is done <---- answer ----
 *
 * Everything that comes in is validated, on both sides: neither the queue nor the network is believed.
 */
import * as z from "zod"
import { type BlobId, isBlobId } from "../src/core/blob-id.ts"
import { ERROR_CODES } from "../src/core/error.ts"
import { jobSchema } from "./job.ts"
import { type PayloadReader, payloadReader } from "./payload-reader.ts"

export const EXCHANGE_VERSION = 1
/** Sent with a message by workers that collect spans. */
export const TRACES_HEADER = "x-stored-traces"
/** Sent with a message by workers that know of twins in orders; others would refuse such an order. */
export const TWINS_HEADER = "x-stored-twins"
/** Claims and results in one message, each. */
export const MOST_IN_A_MESSAGE = 512

const text = (most: number) => z.string().min(1).max(most)
const blobId = z.custom<BlobId>((value) => typeof value === "string" && isBlobId(value), "expected a blob id")

/** What the queue carries: which job, not what to do (that is settled at the claim). */
export const pointerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    version: z.literal(1),
    kind: z.literal("sync"),
    backend: text(64),
    key: text(1024),
    generation: z.int().min(0),
  }),
  z.strictObject({ version: z.literal(1), kind: z.literal("checksum"), id: blobId }),
])

/** What this program knows of pointers in a queue. */
export const readPointer: PayloadReader<JobPointer> = payloadReader({ version: 1, schema: pointerSchema })

const serializedError = z.looseObject({
  code: z.enum(ERROR_CODES),
  message: z.string().max(4096),
  retryable: z.boolean(),
  details: z.record(z.string(), z.json()).optional(),
})

const proof = z.strictObject({
  at: z.number(),
  by: z.enum(["checksum", "read-back", "etag", "absence"]),
})

/** What became of a job that was claimed. */
export const jobResultSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("synced"),
    have: blobId.nullable(),
    verified: proof,
    seen: z
      .strictObject({
        size: z.number(),
        modified: z.number(),
        etag: z.string().max(1024).optional(),
        file: z.string().max(1024).optional(),
      })
      .nullable(),
  }),
  z.strictObject({ type: z.literal("hashed"), checksums: z.record(z.string(), z.string().regex(/^[0-9a-f]{8,128}$/)) }),
  /** the try failed; the server decides about the next one */
  z.strictObject({ type: z.literal("failed"), error: serializedError }),
  /** handed back untried or half-way, by a worker that stops */
  z.strictObject({ type: z.literal("returned") }),
  /** a job that had lost its lock or its deadline has ended only now: it may have written at any time until now */
  z.strictObject({ type: z.literal("late") }),
])

export const claimSchema = z.strictObject({
  /** chosen by the worker, unique in the message; the answer bears it */
  ref: z.int().min(0),
  /** the queue's own id of the job: the same id again is the same job given out again */
  jobId: text(256),
  pointer: pointerSchema,
})

export const resultSchema = z.strictObject({
  ref: z.int().min(0),
  /** the number that the order bore */
  claim: text(64),
  pointer: pointerSchema,
  result: jobResultSchema,
})

export const workerSchema = z.strictObject({
  /** random, made when the process starts */
  id: z.string().regex(/^[A-Za-z0-9_-]{8,64}$/),
  host: z.string().max(256),
  pid: z.int().min(0),
  /** UTC ms */
  started: z.number(),
  kinds: z.array(z.enum(["sync", "checksum"])),
  /** backends that it works for now */
  backends: z.array(z.string().max(64)).max(1024),
  running: z.int().min(0),
  /** false once it takes no more jobs and will soon be gone */
  taking: z.boolean(),
})

export const exchangeSchema = z.strictObject({
  version: z.literal(EXCHANGE_VERSION),
  /** UTC ms on the worker's clock as the message goes: times in it are put right by that */
  now: z.number(),
  worker: workerSchema,
  claims: z.array(claimSchema).max(MOST_IN_A_MESSAGE),
  results: z.array(resultSchema).max(MOST_IN_A_MESSAGE),
})

export const orderSchema = z.strictObject({
  /** names this claim in its result */
  claim: text(64),
  job: jobSchema,
  /** ms that the job may take */
  deadline: z.number().positive(),
  /** W3C traceparent of what caused it; only for workers that asked for it (`TRACES_HEADER`), for others do not know the field */
  trace: text(64).optional(),
})

export const waitSchema = z.number().positive().max(60_000)

export const exchangeAnswerSchema = z.strictObject({
  version: z.literal(EXCHANGE_VERSION),
  /** changes whenever `/internal/configuration` would answer something else */
  revision: text(64),
  /** one for each claim; no order: keep the queue's job and claim it again after `wait` ms, or else drop it, there is nothing to do */
  claims: z.array(z.strictObject({ ref: z.int(), order: orderSchema.nullable(), wait: waitSchema.optional() })),
  /** one for each result, once it is committed or known to change nothing */
  results: z.array(z.strictObject({ ref: z.int(), status: z.enum(["applied", "stale", "gone", "ignored"]) })),
})

/** What a worker has to know to begin: the answer of `GET /internal/configuration`. */
export const workerConfigurationSchema = z.strictObject({
  version: z.literal(EXCHANGE_VERSION),
  revision: text(64),
  /** of every key in Redis */
  prefix: text(64),
  /** whole settings, secrets too: this answer goes to workers only and is never kept or logged */
  backends: z.array(
    z.strictObject({
      name: text(64),
      settings: z.looseObject({ driver: z.string() }),
      /** what the server found out about it, so that workers need not, and `identity`: which place it is, where that could be another */
      abilities: z.record(z.string(), z.json()).optional(),
      /** jobs at a time, over all workers */
      concurrency: z.int().min(1),
    }),
  ),
  staging: z.strictObject({
    directory: z.string(),
    /** a file in that directory and what stands in it: whoever reads the same shares the disk */
    probe: z.strictObject({ file: z.string(), text: z.string() }),
  }),
})

export type JobPointer = z.output<typeof pointerSchema>
export type JobResult = z.output<typeof jobResultSchema>
export type Exchange = z.output<typeof exchangeSchema>
export type ExchangeAnswer = z.output<typeof exchangeAnswerSchema>
export type JobOrder = z.output<typeof orderSchema>
/** What a claim is answered: what to do, ms after which to ask again, or nothing. */
export type ClaimAnswer = JobOrder | { wait: number } | null
export type WorkerInfo = z.output<typeof workerSchema>
export type WorkerConfiguration = z.output<typeof workerConfigurationSchema>

/** What the server offers its workers; the routes under `/internal/` only carry it. */
export interface WorkerDesk {
  configuration(): WorkerConfiguration
  /**
   * @param link fires when the connection by which the message came is gone, and perhaps the worker with it
   * @param options what the worker knows of: `traces`: orders say which trace caused them; `twins`: they say of another copy on the same backend
   * @throws StoredError CLOSED while the store is starting or closing
   */
  exchange(message: Exchange, link?: AbortSignal, options?: ExchangeOptions): Promise<ExchangeAnswer>
}

export interface ExchangeOptions {
  traces?: boolean
  twins?: boolean
}
