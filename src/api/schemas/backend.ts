/** Backends, their scans, and what differs there, as answers show them. */
import * as z from "zod"
import type { BackendCapabilities } from "../../backends/backend.ts"
import type { BackendInfo, BackendScan, DriftEntry, ScanStatus } from "../../store/store.ts"
import { blobId, bytes, errorCode, jsonObject, serializedError, utcMs } from "./pieces.ts"
import { backendValidation } from "./validate.ts"

const scanState = z.enum(["idle", "running", "paused", "cancelled", "failed", "done"])

const capabilities: z.ZodType<BackendCapabilities> = z
  .object({
    local: z.boolean(),
    watch: z.boolean(),
    range: z.boolean(),
    checksums: z.array(z.enum(["sha256", "blake3", "xxh3", "sha1", "md5", "crc32c"])),
    maxKeyBytes: z.number(),
    hierarchicalKeysConflict: z.boolean(),
  })
  .meta({ id: "BackendCapabilities" })

const wait = z
  .object({
    code: z.union([errorCode, z.enum(["OUT_OF_HOURS", "PAUSED"])]),
    message: z.string(),
  })
  .describe("why nothing is listed or read for the time being; it goes on by itself")

const watch = z.object({
  state: z.enum(["beginning", "running", "failed"]).describe("failed: it is begun anew after a while"),
  error: serializedError.nullable(),
  since: utcMs,
  missed: utcMs
    .exactOptional()
    .describe("so much changed at once then that something may not have been heard; a scan looks for it"),
})

const backendScan: z.ZodType<BackendScan> = z
  .object({
    state: scanState,
    files: z.int(),
    looks: z.int().describe("places that are still to be looked at"),
    changing: z.int().exactOptional().describe("files of these that are left alone, because they are written to"),
    waits: wait.exactOptional(),
    knownAsOf: utcMs.nullable().describe("what the catalog says was true then"),
  })
  .meta({ id: "BackendScan" })

export const backend: z.ZodType<BackendInfo> = z
  .object({
    name: z.string(),
    driver: z.string(),
    config: jsonObject.describe("without secrets: *** or the reference"),
    capabilities,
    abilities: jsonObject.nullable().describe("what was found out about the server behind it"),
    changed: z
      .record(z.string(), z.object({ was: z.json(), is: z.json() }))
      .exactOptional()
      .describe("only of a test: what was found out to be another than it was"),
    isDefault: z.boolean(),
    state: z.enum(["open", "unavailable"]),
    error: serializedError.nullable(),
    breaker: z.enum(["closed", "open", "half-open"]),
    paused: z.boolean(),
    rateLimit: z.object({ max: z.int(), per: z.int() }).nullable(),
    pending: z.int(),
    failed: z.int(),
    scan: backendScan.nullable(),
    watch: watch.exactOptional().describe("absent: it is not to be watched, or cannot be"),
    validate: backendValidation.exactOptional(),
  })
  .meta({ id: "Backend" })

export const scanStatus: z.ZodType<ScanStatus> = z
  .object({
    backend: z.string(),
    number: z.int(),
    state: scanState,
    hash: z.boolean(),
    audit: z.literal(true).exactOptional().describe("only what the catalog knows is compared, and nothing is taken in"),
    cursor: z.string().nullable(),
    started: utcMs,
    modified: utcMs,
    files: z.int(),
    bytes,
    added: z.int(),
    changed: z.int(),
    missing: z.int(),
    moved: z.int(),
    skipped: z.int(),
    reasons: z.record(z.string(), z.int()),
    looks: z.int(),
    lookBytes: bytes,
    read: z.int().describe("places that were looked at since it began"),
    expected: z.object({ files: z.int(), bytes }).nullable().describe("what the last one listed that came to its end"),
    listed: z
      .boolean()
      .exactOptional()
      .describe("of one that is paused: all is listed, and what is left is to be read"),
    error: serializedError.nullable(),
    knownAsOf: utcMs.nullable().describe("when the last scan began of which nothing is left to be read"),
    reading: z.int().describe("files of looks that are being read now"),
    changing: z.int().describe("files of looks that are left alone for a while, because they are written to"),
    waits: wait.nullable(),
  })
  .meta({ id: "ScanStatus" })

export const driftEntry: z.ZodType<DriftEntry> = z
  .object({
    kind: z.enum(["new", "changed", "missing", "corrupt", "unread"]),
    key: z.string().describe("inside the backend"),
    objectKey: z.string().nullable(),
    size: bytes.nullable(),
    checksum: blobId.nullable(),
    healable: z.boolean().describe("whether another copy could replace it"),
  })
  .meta({ id: "DriftEntry" })
