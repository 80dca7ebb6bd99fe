/**
 * What the environment says to a worker: `REDIS_URL`, `STORED_INSECURE_REDIS`, `STORED_URL`, `STORED_WORKER_TOKEN`, `STORED_LOG`, `STORED_WORKER_GRACE`,
 * `STORED_WORKER_LOCK`, `STORED_BACKEND_ENDPOINTS`, `STORED_DRIVERS`, `STORED_METRICS_PORT`, `STORED_METRICS_HOST`, `STORED_METRICS_TOKEN`, and `OTEL_…` for spans. Checked once, every mistake at
 * once, and none of them shows a value. What concerns puts by reference stands in `ingest-environment.ts`.
 */
import { levels } from "pino"
import * as z from "zod"
import { driverPathsSchema } from "../src/backends/load-drivers.ts"
import { invalidConfig, toIssue } from "../src/core/config.ts"
import { type EndpointRule, endpointsSchema } from "../src/core/endpoints.ts"
import { GUARDED_REDIS_RULE, isGuardedRedis, isRedisUrl } from "../src/core/redis-url.ts"
import { workerTokenSchema } from "../src/core/worker-token.ts"
import { type TracingSettings, tracingSettings, tracingVariables } from "../src/tracing/tracing-environment.ts"
import { type IngestEnvironment, ingestEnvironment, ingestVariables } from "./ingest-environment.ts"
import type { MetricsAddress } from "./metrics-server.ts"

const LOG_LEVELS = ["silent", ...Object.values(levels.labels).reverse()]
const LONGEST_GRACE = 3_600_000
const PORT = "expected a port from 0 to 65535; 0 takes any free one"
const GRACE = `expected ms from 0 to ${LONGEST_GRACE}`
const SHORTEST_LOCK = 1_000
const LOCK = `expected ms from ${SHORTEST_LOCK} to ${LONGEST_GRACE}`

const absent = (what: string) => ({
  error: (issue: { input?: unknown }) => (issue.input === undefined ? what : undefined),
})

/** An empty variable is an absent one, as shells and compose files write it. */
const fields = z.object({
  ...ingestVariables,
  ...tracingVariables,
  REDIS_URL: z
    .string(absent("name the Redis that the server uses, as redis://host:port"))
    .refine(isRedisUrl, "expected redis://host:port or rediss://user:password@host:port, as the server has it"),
  STORED_INSECURE_REDIS: z.enum(["0", "1"], "expected 1, or 0").default("0"),
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
  STORED_WORKER_LOCK: z
    .string()
    .regex(/^\d{1,7}$/, LOCK)
    .transform(Number)
    .refine((lock) => lock >= SHORTEST_LOCK && lock <= LONGEST_GRACE, LOCK)
    .default(15_000),
  STORED_METRICS_PORT: z
    .string()
    .regex(/^\d{1,5}$/, PORT)
    .transform(Number)
    .refine((port) => port <= 65_535, PORT)
    .optional(),
  STORED_METRICS_HOST: z.string().default("127.0.0.1"),
  STORED_METRICS_TOKEN: workerTokenSchema.optional(),
  STORED_BACKEND_ENDPOINTS: endpointsSchema,
  STORED_DRIVERS: driverPathsSchema,
})

/** What comes out of a Redis tells a worker what to write where: it does not take that from everybody. */
const schema = fields.superRefine(({ REDIS_URL, STORED_INSECURE_REDIS }, context) => {
  if (STORED_INSECURE_REDIS === "1" || !isRedisUrl(REDIS_URL) || isGuardedRedis(REDIS_URL)) return
  context.addIssue({ code: "custom", path: ["REDIS_URL"], message: GUARDED_REDIS_RULE })
})

export interface WorkerEnvironment {
  /** on this machine or guarded, unless the environment does without; may hold a password; never shown */
  redis: string
  server: URL
  /** never shown */
  token: string
  log: string
  /** ms that running jobs have to end when the worker stops */
  grace: number
  /** ms without word from it after which its jobs are given to others; the same for all workers */
  lock: number
  ingest: IngestEnvironment
  /** where on the network backends may be */
  endpoints: EndpointRule
  /** paths of modules with drivers that are not ours, as the server has them */
  drivers: readonly string[]
  /** where Prometheus reads what this worker does; null: nowhere */
  metrics: MetricsAddress | null
  /** how spans are made; null: not at all */
  tracing: TracingSettings | null
}

/** @throws StoredError INVALID_CONFIG, `details.issues` has every mistake with the variable's name */
export function parseWorkerEnvironment(variables: Readonly<Record<string, string | undefined>>): WorkerEnvironment {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""))
  const result = schema.safeParse(given)
  if (!result.success) throw invalidConfig(result.error.issues.map(toIssue))
  const { REDIS_URL, STORED_URL, STORED_WORKER_TOKEN, STORED_LOG, STORED_WORKER_GRACE } = result.data
  const { STORED_METRICS_PORT, STORED_METRICS_HOST, STORED_METRICS_TOKEN } = result.data
  return {
    redis: REDIS_URL,
    server: STORED_URL,
    token: STORED_WORKER_TOKEN,
    log: STORED_LOG,
    grace: STORED_WORKER_GRACE,
    lock: result.data.STORED_WORKER_LOCK,
    ingest: ingestEnvironment(result.data),
    endpoints: result.data.STORED_BACKEND_ENDPOINTS,
    drivers: result.data.STORED_DRIVERS,
    tracing: tracingSettings(result.data),
    metrics:
      STORED_METRICS_PORT === undefined
        ? null
        : { host: STORED_METRICS_HOST, port: STORED_METRICS_PORT, token: STORED_METRICS_TOKEN ?? null },
  }
}
