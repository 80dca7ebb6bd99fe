/** What a user may set for an S3 backend, with its defaults. What the first seed document writes loads unchanged. */
import * as z from "zod"
import { parseByteSize } from "../../core/byte-size.ts"
import { keyFault } from "../../core/key.ts"
import { keyTemplateSchema } from "../../core/key-template.ts"
import { rateLimitSchema } from "../../core/rate-limit.ts"
import { backendModeSchema, scanSchema } from "../../core/scan-settings.ts"
import { validateSchema } from "../../core/validate-settings.ts"

const MIB = 2 ** 20
/** S3's own limits, bytes */
const MIN_PART = 5 * MIB
const MAX_PART = 5 * 2 ** 30
const MAX_TIMEOUT = 2 ** 31 - 1
/** Signatures of version 4 hold for a week at most, seconds. */
const LONGEST_EXPIRY = 604_800

function bytes(least: number, most: number) {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const size = parseByteSize(value)
    if (size !== null && size >= least && size <= most) return size
    const message = `expected a size from ${least} to ${most} bytes, such as "16MiB"`
    context.issues.push({ code: "custom", input: value, message })
    return z.NEVER
  })
}

/** A value itself, or where it stands: `env:NAME`, `file:PATH`. */
const secret = z.string().min(1)

const credentials = z
  .strictObject({ accessKeyId: secret.optional(), secretAccessKey: secret.optional(), sessionToken: secret.optional() })
  .refine(({ accessKeyId, secretAccessKey }) => (accessKeyId === undefined) === (secretAccessKey === undefined), {
    message: "accessKeyId and secretAccessKey belong together; give both, or neither to use those of the environment",
  })
  .refine(({ accessKeyId, sessionToken }) => sessionToken === undefined || accessKeyId !== undefined, {
    message: "a sessionToken belongs to an accessKeyId and a secretAccessKey; give them too",
  })

const endpoint = z.string().superRefine((text, context) => {
  const url = URL.parse(text)
  const fault =
    !url || !/^https?:$/.test(url.protocol)
      ? "give it as http://host:port or https://host:port"
      : url.username || url.password
        ? "it must not hold a user and a password; use credentials"
        : null
  if (fault) context.addIssue({ code: "custom", message: fault })
})

const prefix = z
  .string()
  .transform((text) => text.replace(/\/$/, ""))
  .refine((text) => text === "" || keyFault(text) === null, {
    error: ({ input }) => `it begins no valid key: ${keyFault(String(input).replace(/\/$/, ""))}`,
  })

const timeout = z.int().min(1).max(MAX_TIMEOUT)

export const s3Schema = z
  .strictObject({
    driver: z.literal("s3"),
    bucket: z.string("name the bucket").min(1, "name the bucket"),
    /** folder of the bucket that holds everything; absent: the whole bucket */
    prefix: prefix.default(""),
    /** absent: that of the environment, and `us-east-1` where there is an endpoint */
    region: z.string().min(1).optional(),
    /** absent: AWS */
    endpoint: endpoint.optional(),
    /** the bucket in the path rather than in the host name; absent: where there is an endpoint */
    pathStyle: z.boolean().optional(),
    /** absent or empty: the SDK's own chain (environment, profile, role) */
    credentials: credentials.default({}),
    storageClass: z.string().min(1).optional(),
    serverSideEncryption: z.enum(["AES256", "aws:kms", "aws:kms:dsse"]).optional(),
    kmsKeyId: z.string().min(1).optional(),
    /** bytes of one part of a large upload; it grows where an object would have more than 10,000 */
    partSize: bytes(MIN_PART, MAX_PART).default(8 * MIB),
    /** objects up to this size go in one request */
    multipartAbove: bytes(0, MAX_PART).default(16 * MIB),
    /** parts in memory at the same time, of all uploads together */
    partsAtOnce: z.int().min(1).max(256).default(8),
    /** seconds that a presigned address holds where the caller says nothing */
    signedUrlExpiry: z.int().min(1).max(LONGEST_EXPIRY).default(3600),
    /** whether signed addresses of ours lead to the bucket's own (R17): whoever has one then reads there, without our headers and checks */
    signedUrls: z.enum(["proxy", "redirect"]).default("proxy"),
    /** ms */
    timeouts: z
      .strictObject({
        /** to be connected */
        connect: timeout.default(10_000),
        /** to be answered, to which the time for the bytes that are sent is added */
        answer: timeout.default(60_000),
        /** without a byte of an answer that has begun */
        idle: timeout.default(30_000),
      })
      .prefault({}),
    /** S3 tells of no changes by itself (R13) */
    watch: z.literal(false, "S3 cannot be watched; leave it out").optional(),
    concurrency: z.int().min(1).max(256).optional(),
    rateLimit: rateLimitSchema.optional(),
    keyTemplate: keyTemplateSchema.optional(),
    mode: backendModeSchema.optional(),
    scan: scanSchema.optional(),
    validate: validateSchema.optional(),
  })
  .refine(({ kmsKeyId, serverSideEncryption }) => !kmsKeyId || serverSideEncryption?.startsWith("aws:kms"), {
    path: ["kmsKeyId"],
    message: 'a KMS key needs serverSideEncryption "aws:kms"',
  })

export type S3Config = z.input<typeof s3Schema>
export type S3Settings = z.output<typeof s3Schema>
