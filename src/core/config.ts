/**
 * The configuration, parsed once by zod in the entry and passed down. The JSON of the first seed document loads unchanged
 * (A31). Driver settings are checked by the driver's own schema (`backends/registry.ts`).
 */
import * as z from "zod"
import { parseByteSize } from "./byte-size.ts"
import { StoredError } from "./error.ts"
import type { JsonObject } from "./json.ts"
import { isBackendName, keyFault } from "./key.ts"
import { keyTemplateSchema } from "./key-template.ts"
import { rateLimitSchema } from "./rate-limit.ts"
import { backendModeSchema, scanSchema } from "./scan-settings.ts"
import { validateSchema } from "./validate-settings.ts"

const byteSize = z.union([z.string(), z.number()]).transform((value, context) => {
  const bytes = parseByteSize(value)
  if (bytes !== null) return bytes
  context.issues.push({
    code: "custom",
    input: value,
    message: 'expected a size such as "1GB", "512MiB" or a number of bytes',
  })
  return z.NEVER
})

const cacheSchema = z
  .strictObject({
    /** `path` and `location` are the same (A26) */
    path: z.string().min(1).optional(),
    location: z.string().min(1).optional(),
    maxSize: byteSize.optional(),
    evictionPolicy: z.enum(["lru", "none"]).default("lru"),
    /** free bytes that staging leaves on its disk */
    minFree: byteSize.default(64 * 2 ** 20),
    /** how what is staged is read again by itself */
    validate: validateSchema.optional(),
  })
  .refine(({ path, location = path }) => path === undefined || path === location, {
    message: "path and location are two names of one setting; give one of them",
  })
  .prefault({})

/** Every backend has a driver; the other settings are the driver's. */
const backendSchema = z.looseObject({
  driver: z.string().min(1),
  watch: z.boolean().optional(),
  /** jobs of this backend that run at the same time */
  concurrency: z.int().min(1).max(256).optional(),
  /** jobs of this backend that begin in a time, over all workers together */
  rateLimit: rateLimitSchema.optional(),
  /** where objects without a key of their own lie on it; absent: `{prefix}/{algo}/{h2}/{h2}/{hash}` */
  keyTemplate: keyTemplateSchema.optional(),
  /** what becomes of differences to the catalog, and how it is indexed */
  mode: backendModeSchema.optional(),
  scan: scanSchema.optional(),
  /** how its copies are read again by themselves */
  validate: validateSchema.optional(),
})

const checksumName = z.enum(["sha256", "blake3", "xxh3", "sha1", "md5", "crc32c"])

/** The longest wait in ms that a timer can measure. */
export const MAX_WAIT = 2 ** 31 - 1

const configSchema = z.strictObject({
  /** where catalog and staging lie; absent: `.stored` */
  data: z.string().min(1).default(".stored"),
  cache: cacheSchema,
  backends: z.record(z.string(), backendSchema).default({}),
  defaultBackends: z.array(z.string()).optional(),
  /** the first makes ids and is `sha256` or `blake3`; the others are computed in the background */
  checksums: z
    .array(checksumName)
    .min(1)
    .default(["sha256"])
    .refine((names) => names[0] === "sha256" || names[0] === "blake3", {
      message: "the first checksum makes ids and must be sha256 or blake3",
    })
    .refine((names) => new Set(names).size === names.length, { message: "a checksum is named twice" }),
  /** largest blob in bytes */
  maxBlobSize: byteSize.optional(),
  /** copies on backends that must be seen before one is dropped: of the bytes in staging, a single copy, or a backend */
  minCopies: z.int().min(1).max(100).default(1),
  /** ms that a put waits for the copies that its `durability` asks for; a put can say another */
  waitMs: z.int().min(0).max(MAX_WAIT).default(30_000),
  /** prefix of keys that are made from checksums */
  keyPrefix: z
    .string()
    .max(200)
    .default("blobs")
    .refine((prefix) => keyFault(prefix) === null, {
      error: ({ input }) => `it begins no valid key: ${keyFault(input)}`,
    }),
})

/** What a user writes. */
export type StoreConfigInput = z.input<typeof configSchema>
/** What the parts get. */
export type StoreConfig = z.output<typeof configSchema>
export type BackendConfig = z.output<typeof backendSchema>

/**
 * Parses a configuration; every mistake at once, each with its path.
 * @param checkBackend the mistakes in one backend's own settings, told together with the others
 * @throws StoredError INVALID_CONFIG, `details.issues` has `{ path, message }`
 */
export function parseConfig(
  input: unknown,
  checkBackend: (name: string, backend: unknown) => ConfigIssue[] = () => [],
): StoreConfig {
  const result = configSchema.safeParse(input ?? {})
  const issues = [...(result.error?.issues.map(toIssue) ?? []), ...backendIssues(input, checkBackend)]
  if (result.success && issues.length === 0) return result.data
  throw invalidConfig(distinct(issues))
}

/** Mistakes between parts. Looked for in the raw input, so that they are told beside those of the schema. */
function backendIssues(input: unknown, checkBackend: (name: string, backend: unknown) => ConfigIssue[]): ConfigIssue[] {
  const backends = propertyOf(input, "backends")
  const defaults = propertyOf(input, "defaultBackends")
  const configured = new Map(typeof backends === "object" && backends !== null ? Object.entries(backends) : [])
  const issues: ConfigIssue[] = []
  for (const [name, backend] of configured) {
    if (!isBackendName(name)) issues.push({ path: `backends.${name}`, message: BACKEND_NAME_RULE })
    issues.push(...checkBackend(name, backend))
  }
  for (const [index, name] of (Array.isArray(defaults) ? defaults : []).entries()) {
    if (typeof name !== "string" || configured.has(name)) continue
    issues.push({ path: `defaultBackends.${index}`, message: `no backend "${name}" is configured` })
  }
  return issues
}

const BACKEND_NAME_RULE =
  'use 1 to 63 letters, digits, ".", "_" or "-" in the name of a backend, starting with a letter or digit'

function propertyOf(input: unknown, name: string): unknown {
  return typeof input === "object" && input !== null ? (input as Record<string, unknown>)[name] : undefined
}

/** A driver that checks what the schema checks too tells the same mistake once more. */
function distinct(issues: ConfigIssue[]): ConfigIssue[] {
  return [...new Map(issues.map((issue) => [JSON.stringify([issue.path, issue.message]), issue])).values()]
}

export interface ConfigIssue {
  path: string
  message: string
}

export function toIssue(issue: { path: PropertyKey[]; message: string }): ConfigIssue {
  return { path: issue.path.map(String).join("."), message: issue.message }
}

export function invalidConfig(issues: ConfigIssue[]): StoredError {
  const lines = issues.map((issue) => (issue.path ? `${issue.path}: ${issue.message}` : issue.message))
  return new StoredError(
    "INVALID_CONFIG",
    `The configuration has ${issues.length === 1 ? "a mistake" : `${issues.length} mistakes`}: ${lines.join("; ")}.`,
    {
      details: { issues: issues as unknown as JsonObject[] },
    },
  )
}
