/** What a new token is to be: the body of `POST /v1/tokens` and the argument of `tokens.create`, checked by one schema. Every mistake is told at once. */
import * as z from "zod"
import { SCOPES } from "./access.ts"
import { accessPrefixFault } from "./access-prefix.ts"
import { parseByteSize } from "./byte-size.ts"
import { toIssue } from "./config.ts"
import { StoredError } from "./error.ts"
import { isBackendName } from "./key.ts"
import { parseDuration } from "./scan-settings.ts"

const LONGEST_NAME = 100
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/
const MOST_PREFIXES = 100
const LONGEST_LIFE = 100 * 366 * 86_400_000

/** `24h`, `30d` or a number of ms; absent from the outcome is no such time. */
const duration = z.union([z.string(), z.int().min(0).max(LONGEST_LIFE)]).transform((value, context) => {
  const ms = typeof value === "number" ? value : parseDuration(value)
  if (ms !== null) return ms
  context.issues.push({ code: "custom", input: value, message: 'expected a time such as "24h" or "30d", or ms' })
  return z.NEVER
})

const bytes = z.union([z.string(), z.number()]).transform((value, context) => {
  const count = parseByteSize(value)
  if (count !== null) return count
  context.issues.push({ code: "custom", input: value, message: 'expected a size such as "10GB" or a number of bytes' })
  return z.NEVER
})

const prefix = z.string().refine((text) => accessPrefixFault(text) === null, {
  error: ({ input }) => `it is no key and no folder that ends in a slash: ${accessPrefixFault(String(input))}`,
})

/** Requests that a token may send: so many a second, and so many at once after a rest. */
export const requestRateSchema = z.strictObject({
  perSecond: z.number().min(0.001).max(1_000_000),
  /** absent: those of a second, at least one */
  burst: z.int().min(1).max(1_000_000).optional(),
})
export type RequestRate = { perSecond: number; burst: number }

/** What may lie in a token's namespace. */
export interface Quota {
  /** sum of the sizes of its objects, null for no limit */
  bytes: number | null
  objects: number | null
}

export const tokenSchema = z
  .strictObject({
    /** for people */
    name: z
      .string()
      .min(1)
      .max(LONGEST_NAME)
      .refine((text) => !CONTROL.test(text) && text.isWellFormed(), "it has a control character"),
    scopes: z.array(z.enum(SCOPES)).min(1),
    /** folders that end in a slash, and keys; absent: every key */
    prefixes: z.array(prefix).min(1).max(MOST_PREFIXES).optional(),
    /** absent: every backend */
    backends: z
      .array(z.string().refine((name) => isBackendName(name), "it is no name of a backend"))
      .min(1)
      .max(MOST_PREFIXES)
      .optional(),
    /** how long it is good for, such as `90d`; absent: until it is revoked */
    expiresIn: duration.optional(),
    rate: requestRateSchema.optional(),
    quota: z.strictObject({ bytes: bytes.optional(), objects: z.int().min(0).optional() }).optional(),
  })
  .refine(({ scopes, prefixes, backends }) => !isElevated(scopes) || (prefixes ?? backends) === undefined, {
    path: ["scopes"],
    message: "admin and worker reach the whole store; leave prefixes and backends out, or the scope",
  })
  .refine(({ quota }) => quota === undefined || (quota.bytes ?? quota.objects) !== undefined, {
    path: ["quota"],
    message: "name bytes, objects or both",
  })

export type TokenSettings = z.input<typeof tokenSchema>
export type CheckedToken = z.output<typeof tokenSchema>

export const rotationSchema = z.strictObject({
  /** how long the secret before goes on working, such as `24h`; absent: not at all */
  overlap: duration.optional(),
})
export type RotationSettings = z.input<typeof rotationSchema>

function isElevated(scopes: readonly string[]): boolean {
  return scopes.includes("admin") || scopes.includes("worker")
}

/** @throws StoredError INVALID_INPUT, `details.issues` has every mistake as `{ path, message }` */
export function parseSettings<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const issues = result.error.issues.map(toIssue)
  const lines = issues.map(({ path, message }) => (path ? `${path}: ${message}` : message))
  throw new StoredError("INVALID_INPUT", `A token cannot be so: ${lines.join("; ")}.`, { details: { issues } })
}
