/**
 * What the environment says: `STORED_HOST`, `STORED_PORT`, `STORED_DATA`, `STORED_CONFIG`, `STORED_LOG`, `STORED_WORKER_TOKEN`,
 * `STORED_METRICS_TOKEN`, `STORED_ADMIN_TOKEN`, `STORED_MASTER_KEY`, `STORED_MASTER_KEY_OLD`,
 * `STORED_ORIGINS`, `STORED_TRUSTED_PROXIES`, `STORED_AUDIT`, `STORED_MAX_CONNECTIONS`, `STORED_MAX_REQUESTS_PER_TOKEN`, `STORED_LEAST_UPLOAD_RATE`, `STORED_BACKEND_ENDPOINTS`, `STORED_DRIVERS`, `REDIS_URL`, `STORED_INSECURE_REDIS`, `STORED_QUEUE_PREFIX`, `STORED_EVENTS_CHANNEL`, and `OTEL_…` for spans. Checked once, every mistake at once; nothing else reads
 * the environment.
 */
import * as z from "zod"
import { driverPathsSchema } from "../backends/load-drivers.ts"
import { type ConfigIssue, invalidConfig, toIssue } from "../core/config.ts"
import { type EndpointRule, endpointsSchema } from "../core/endpoints.ts"
import { type MasterKey, masterKeySchema, masterKeysSchema } from "../core/master-key.ts"
import { GUARDED_REDIS_RULE, isGuardedRedis, isRedisUrl, REDIS_URL_RULE } from "../core/redis-url.ts"
import { workerTokenSchema } from "../core/worker-token.ts"
import { type TracingSettings, tracingSettings, tracingVariables } from "../tracing/tracing-environment.ts"
import { trustedProxiesSchema } from "./access/trusted-proxies.ts"
import { DEFAULT_LIMITS } from "./limits.ts"
import { originsSchema } from "./origin.ts"

const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const

const PORT = "expected a port from 0 to 65535; 0 takes any free one"

const NO_TOKEN = "REDIS_URL gives the work to workers, which need a token: set the same one for server and workers"

/** An empty variable is an absent one, as shells and compose files write it. */
const schema = z.object({
  ...tracingVariables,
  STORED_HOST: z.string().default("127.0.0.1"),
  STORED_PORT: z
    .string()
    .regex(/^\d{1,5}$/, PORT)
    .transform(Number)
    .refine((port) => port <= 65_535, PORT)
    .default(7070),
  STORED_DATA: z.string().optional(),
  STORED_CONFIG: z.string().optional(),
  STORED_LOG: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(", ")}`).optional(),
  STORED_WORKER_TOKEN: workerTokenSchema.optional(),
  STORED_METRICS_TOKEN: workerTokenSchema.optional(),
  STORED_ADMIN_TOKEN: workerTokenSchema.optional(),
  STORED_MASTER_KEY: masterKeySchema.optional(),
  STORED_MASTER_KEY_OLD: masterKeysSchema.optional(),
  REDIS_URL: z
    .string()
    .refine((text) => text === "inline" || isRedisUrl(text), REDIS_URL_RULE)
    .optional(),
  STORED_INSECURE_REDIS: z.enum(["0", "1"], "expected 1, or 0").default("0"),
  STORED_QUEUE_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_{}-]{1,64}$/, 'expected up to 64 letters, digits, "_", "-" or braces')
    .default("stored"),
  STORED_EVENTS_CHANNEL: z.string().min(1).max(200).optional(),
  STORED_ORIGINS: originsSchema,
  STORED_TRUSTED_PROXIES: trustedProxiesSchema,
  STORED_AUDIT: z.string().optional(),
  STORED_MAX_REQUESTS_PER_TOKEN: z
    .string()
    .regex(/^[1-9]\d{0,6}$/, "expected a number of requests from 1 to 9999999")
    .transform(Number)
    .default(DEFAULT_LIMITS.maxRequestsPerToken),
  STORED_MAX_CONNECTIONS: z
    .string()
    .regex(/^[1-9]\d{0,6}$/, "expected a number of connections from 1 to 9999999")
    .transform(Number)
    .default(DEFAULT_LIMITS.maxConnections),
  STORED_LEAST_UPLOAD_RATE: z
    .string()
    .regex(/^\d{1,9}$/, "expected bytes a second from 0 to 999999999; 0 for none")
    .transform(Number)
    .default(DEFAULT_LIMITS.leastRate),
  STORED_BACKEND_ENDPOINTS: endpointsSchema,
  STORED_DRIVERS: driverPathsSchema,
})

export interface Environment {
  host: string
  port: number
  /** where catalog and staging lie; null: as configured, else `.stored` */
  data: string | null
  /** path of the configuration, null for none */
  config: string | null
  /** level of the log, null where none is named */
  log: (typeof LOG_LEVELS)[number] | null
  /** what workers must send, null where there is nothing for workers; never shown */
  workerToken: string | null
  /** what whoever reads metrics must bear, where the server can be reached from elsewhere; never shown */
  metricsTokens: { metrics: string | null; admin: string | null }
  /** the keys under which secrets of backends are sealed, where they are not in the key file; never shown */
  masterKeys: { current: MasterKey | null; older: readonly MasterKey[] }
  /** jobs go to workers by way of this Redis, on this machine or guarded unless the environment does without; null: they run in this process */
  redis: { url: string; prefix: string; channel?: string } | null
  /** sites whose pages may use the server, as `https://app.example.org` */
  origins: readonly string[]
  /** addresses and networks of proxies that are believed when they say whom they speak for */
  trustedProxies: readonly string[]
  /** where decisions about access are written: path of a file, or `stdout`; null: nowhere */
  audit: string | null
  /** at a time */
  maxConnections: number
  /** at a time */
  maxRequestsPerToken: number
  /** bytes a second; 0: none */
  leastUploadRate: number
  /** where on the network backends may be */
  endpoints: EndpointRule
  /** paths of modules with drivers that are not ours */
  drivers: readonly string[]
  /** how spans are made; null: not at all */
  tracing: TracingSettings | null
}

/** @throws StoredError INVALID_CONFIG, `details.issues` has every mistake with the variable's name */
export function parseEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ""))
  const result = schema.safeParse(given)
  if (!result.success) throw invalidConfig(result.error.issues.map(toIssue))
  const { STORED_HOST, STORED_PORT, STORED_DATA, STORED_CONFIG, STORED_LOG, STORED_WORKER_TOKEN } = result.data
  const { REDIS_URL = "inline", STORED_QUEUE_PREFIX, STORED_EVENTS_CHANNEL: channel } = result.data
  const redis =
    REDIS_URL === "inline" ? null : { url: REDIS_URL, prefix: STORED_QUEUE_PREFIX, ...(channel && { channel }) }
  const issues: ConfigIssue[] = []
  if (redis && STORED_WORKER_TOKEN === undefined) issues.push({ path: "STORED_WORKER_TOKEN", message: NO_TOKEN })
  if (redis && result.data.STORED_INSECURE_REDIS === "0" && !isGuardedRedis(redis.url))
    issues.push({ path: "REDIS_URL", message: GUARDED_REDIS_RULE })
  if (issues.length > 0) throw invalidConfig(issues)
  return {
    host: STORED_HOST,
    port: STORED_PORT,
    data: STORED_DATA ?? null,
    config: STORED_CONFIG ?? null,
    log: STORED_LOG ?? null,
    workerToken: STORED_WORKER_TOKEN ?? null,
    metricsTokens: {
      metrics: result.data.STORED_METRICS_TOKEN ?? null,
      admin: result.data.STORED_ADMIN_TOKEN ?? null,
    },
    masterKeys: {
      current: result.data.STORED_MASTER_KEY ?? null,
      older: result.data.STORED_MASTER_KEY_OLD ?? [],
    },
    redis,
    origins: result.data.STORED_ORIGINS,
    trustedProxies: result.data.STORED_TRUSTED_PROXIES,
    audit: result.data.STORED_AUDIT ?? null,
    maxConnections: result.data.STORED_MAX_CONNECTIONS,
    maxRequestsPerToken: result.data.STORED_MAX_REQUESTS_PER_TOKEN,
    leastUploadRate: result.data.STORED_LEAST_UPLOAD_RATE,
    endpoints: result.data.STORED_BACKEND_ENDPOINTS,
    drivers: result.data.STORED_DRIVERS,
    tracing: tracingSettings(result.data),
  }
}
