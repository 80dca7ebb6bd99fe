/**
 * What the environment says to a worker: `REDIS_URL`, `STORED_URL`, `STORED_WORKER_TOKEN`, `STORED_LOG`, `STORED_WORKER_GRACE`. Checked once, every mistake at
 * once, and none of them shows a value.
 */
import { levels } from "pino"
import * as z from "zod"
import { invalidConfig, toIssue } from "../src/core/config.ts"
import { isRedisUrl } from "../src/core/redis-url.ts"
import { workerTokenSchema } from "../src/core/worker-token.ts"

const LOG_LEVELS = ["silent", ...Object.values(levels.labels).reverse()]
const LONGEST_GRACE = 3_600_000
const GRACE = `expected ms from 0 to ${LONGEST_GRACE}`

const absent = (what: string) => ({
  error: (issue: { input?: unknown }) => (issue.input === undefined ? what : undefined),
})

/** An empty variable is an absent one, as shells and compose files write it. */
const schema = z.object({
  REDIS_URL: z
    .string(absent("name the Redis that the server uses, as redis://host:port"))
    .refine(isRedisUrl, "expected redis://host:port or rediss://user:password@host:port, as the server has it"),
  STORED_URL: z
    .string()
    .default("http://127.0.0.1:7070")
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ""), "expected http://host:port of the server")
    .transform((text) => new URL(text)),
  STORED_WORKER_TOKEN: z.string(absent("give the same token as to the server")).pipe(workerTokenSchema),
  STORED_LOG: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(", ")}`).default("warn"),
  STORED_WORKER_GRACE: z
    .string()
    .regex(/^\d{1,7}$/, GRACE)
    .transform(Number)
    .refine((grace) => grace <= LONGEST_GRACE, GRACE)
    .default(10_000),
})

export interface WorkerEnvironment {
  /** may hold a password; never shown */
  redis: string
  server: URL
  /** never shown */
  token: string
  log: string
  /** ms that running jobs have to end when the worker stops */
  grace: number
}

/** @throws StoredError INVALID_CONFIG, `details.issues` has every mistake with the variable's name */
export function parseWorkerEnvironment(variables: Readonly<Record<string, string | undefined>>): WorkerEnvironment {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""))
  const result = schema.safeParse(given)
  if (!result.success) throw invalidConfig(result.error.issues.map(toIssue))
  const { REDIS_URL, STORED_URL, STORED_WORKER_TOKEN, STORED_LOG, STORED_WORKER_GRACE } = result.data
  return {
    redis: REDIS_URL,
    server: STORED_URL,
    token: STORED_WORKER_TOKEN,
    log: STORED_LOG,
    grace: STORED_WORKER_GRACE,
  }
}
