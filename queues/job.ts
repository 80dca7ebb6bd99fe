/**
 * The job kinds: what travels between the outbox and whoever does the work. Payloads hold pointers, never bytes or secrets,
 * carry a version, and are validated again by whoever takes them.
 */
import * as z from "zod"
import type { Outcome } from "../src/catalog/catalog.ts"
import { type BlobId, isBlobId } from "../src/core/blob-id.ts"

const blobId = z.custom<BlobId>((value) => typeof value === "string" && isBlobId(value), "expected a blob id")

/** Make this location true: hold that blob, or nothing (law 3). */
export const syncJobSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal("sync"),
  backend: z.string().min(1),
  key: z.string().min(1),
  generation: z.int().min(0),
  /** what lies there was read and is bad, whatever the backend says of it */
  distrust: z.literal(true).optional(),
  /** another proven copy of the same bytes on the same backend, with the etag of its proof: to be copied there, where that can be done. It may be gone by now */
  twin: z.strictObject({ key: z.string().min(1), etag: z.string().min(1) }).optional(),
  want: z
    .strictObject({
      id: blobId,
      /** bytes */
      size: z.int().min(0),
      mimeType: z.string(),
      /** modification time to give the copy, UTC ms */
      modified: z.number().optional(),
      /** POSIX permission bits to give the copy */
      mode: z.int().optional(),
    })
    .nullable(),
})

/** Compute side checksums of a blob. */
export const checksumJobSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal("checksum"),
  id: blobId,
  size: z.int().min(0),
  algorithms: z.array(z.enum(["sha256", "blake3", "xxh3", "sha1", "md5", "crc32c"])),
})

export const jobSchema = z.discriminatedUnion("kind", [syncJobSchema, checksumJobSchema])

export type SyncJob = z.output<typeof syncJobSchema>
export type ChecksumJob = z.output<typeof checksumJobSchema>
export type Job = z.output<typeof jobSchema>

type ResultOf<Kind extends Job["kind"]> = Extract<Outcome, { kind: Kind }>["result"]
/** What a handler returns when the job is done; failures are thrown as `StoredError`s. */
export type Done<Kind extends Job["kind"]> = Extract<ResultOf<Kind>, { type: "done" }>

/** One handler a job kind. Idempotent; knows no queue. It stops soon after `signal` fires. */
export type JobHandlers = {
  [Kind in Job["kind"]]: (job: Extract<Job, { kind: Kind }>, signal: AbortSignal) => Promise<Done<Kind>>
}

/** bytes that are sent rather than asked for: asking takes as long */
export const SMALL = 256 * 1024

export function syncQueue(backend: string): string {
  return `sync-${backend}`
}

export const CHECKSUM_QUEUE = "checksum"
