/** Pieces that the shapes of many answers share. Each shape is checked by the compiler against the type that the store gives. */
import * as z from "zod"
import type { BlobId } from "../../core/blob-id.ts"
import { ERROR_CODES, type SerializedError } from "../../core/error.ts"
import type { JsonObject } from "../../core/json.ts"

export const blobId = z
  .string()
  .regex(/^[a-z0-9]+:[0-9a-f]+$/)
  .describe("algorithm and checksum, such as sha256:2cf2…") as unknown as z.ZodType<BlobId>
export const utcMs = z.number().describe("UTC, ms since 1970")
export const bytes = z.number().describe("bytes")
export const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), z.any())
export const checksums = z
  .partialRecord(z.enum(["sha256", "blake3", "xxh3", "sha1", "md5", "crc32c"]), z.string())
  .describe("hex by algorithm")

export const errorCode = z.enum(ERROR_CODES)
export const serializedError: z.ZodType<SerializedError> = z
  .object({
    code: errorCode,
    message: z.string(),
    retryable: z.boolean(),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "Error" }) as z.ZodType<SerializedError>

/** RFC 9457, with what StoreD adds. */
export const problem = z
  .object({
    type: z.string().describe("urn:stored:error:<CODE>, or about:blank for faults of HTTP itself"),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe("a sentence that says what to do"),
    code: errorCode.optional(),
    retryable: z.boolean().optional().describe("whether the same can succeed later"),
    requestId: z.string().optional().describe("to look up in the server's log"),
    issues: z.array(z.unknown()).optional().describe("every mistake, { path, message }"),
    details: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "Problem" })
