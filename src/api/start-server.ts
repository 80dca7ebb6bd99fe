/**
 * Starts the service: takes the port, opens the store, serves. While the store recovers, `/health` answers and everything else says 503, so
 * that `/ready` is true only once puts are taken. An address that others reach is taken only once it is known that they are asked for a token.
 * Whatever fails on the way lets go of what was taken before.
 */
import type { AddressInfo } from "node:net"
import type { FastifyInstance } from "fastify"
import type { Logger } from "pino"
import packageFacts from "../../package.json" with { type: "json" }
import { parseByteSize } from "../core/byte-size.ts"
import type { StoreConfigInput } from "../core/config.ts"
import type { EndpointRule } from "../core/endpoints.ts"
import { StoredError } from "../core/error.ts"
import type { GivenKeys } from "../store/key-ring.ts"
import type { Log } from "../store/log.ts"
import type { Store } from "../store/store.ts"
import type { Tracer } from "../tracing/tracer.ts"
import type { AuditEvent } from "./access/audit.ts"
import { isLoopback, requireGuarded } from "./access/listening.ts"
import { buildApp } from "./app.ts"
import type { InternalServices } from "./internal-services.ts"
import type { ApiLimits } from "./limits.ts"
import type { MetricsTokens } from "./metrics-gate.ts"
import { type Opened, type Served, servedOf, storeOf } from "./opened.ts"
import type { BoardAdapters } from "./routes/queues.ts"

/** How a store is opened, with what its workers need where it has some; handed in, because only the composition knows. */
export type OpenStore = (
  config: StoreConfigInput,
  options: {
    log: Log
    address: string
    localByDefault: boolean
    redis?: { url: string; prefix: string; channel?: string }
    tracer?: Tracer | null
    masterKeys?: GivenKeys
    endpoints?: EndpointRule
    onFault(error: StoredError): void
  },
) => Promise<Opened>

export interface StartOptions {
  config: StoreConfigInput
  host: string
  /** 0 takes any free port */
  port: number
  log: Logger
  openStore: OpenStore
  /** told when the store can no longer be trusted and the process must stop */
  onFault(error: StoredError): void
  limits?: Partial<ApiLimits>
  /** sites whose pages may use the server; absent: its own alone */
  origins?: readonly string[]
  /** proxies that are believed when they say whom they speak for; absent: none */
  trustedProxies?: readonly string[]
  /** told of every decision about access */
  onAudit?(event: AuditEvent): void
  /** where jobs go to workers; null or absent: they run in this process */
  redis?: { url: string; prefix: string; channel?: string } | null
  /** what workers must send; null or absent: nothing is served to workers */
  workerToken?: string | null
  /** what whoever reads `/metrics` must bear; absent: there is none */
  metricsTokens?: MetricsTokens
  /** the keys under which secrets of backends are sealed; absent: those of the key file */
  masterKeys?: GivenKeys
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null
  /** where on the network backends may be; absent: anywhere but at link-local and metadata addresses */
  endpoints?: EndpointRule
}

export interface RunningServer {
  url: string
  store: Store
  /** Stops accepting, lets running requests end for at most `deadline` ms, then cuts them and closes the store. */
  close(deadline: number): Promise<void>
}

/** @throws StoredError INVALID_CONFIG, INVALID_INPUT (the address cannot be used), DATA_DIRECTORY_IN_USE, … */
export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { config, log, workerToken, metricsTokens } = options
  let opened: Opened | null = null
  const app = buildApp({
    store: () => storeOf(opened ?? starting()),
    log,
    limits: {
      maxBlobSize: config.maxBlobSize === undefined ? null : parseByteSize(config.maxBlobSize),
      ...options.limits,
    },
    docs: packageFacts.version,
    origins: options.origins ?? [],
    trustedProxies: options.trustedProxies ?? [],
    onRefusal: (code) => {
      if (opened) servedOf(opened)?.metrics.refused?.(code)
    },
    requestMeter: () => (opened && servedOf(opened)?.metrics.requests) ?? null,
    tracer: options.tracer ?? null,
    ...(options.onAudit && { onAudit: options.onAudit }),
    ...(workerToken && { internal: { token: workerToken, services: () => forWorkers(opened ?? starting()) } }),
    ...(metricsTokens?.admin && { adminToken: metricsTokens.admin }),
    ...(metricsTokens && { metrics: { tokens: metricsTokens, source: () => served(opened ?? starting()).metrics } }),
    ...(options.redis &&
      metricsTokens?.admin && { board: { token: metricsTokens.admin, queues: () => boardOf(opened ?? starting()) } }),
  })
  // Where requests may be asked for no token, that is found out before anybody can send one.
  const isGuarded = isLoopback(options.host) || Boolean(metricsTokens?.admin)
  let url = isGuarded ? await listen(app, options) : `http://${options.host}:${options.port}`
  try {
    const { onFault, redis, masterKeys, endpoints, tracer = null } = options
    const shape = { ...(redis && { redis }), ...(masterKeys && { masterKeys }), ...(endpoints && { endpoints }) }
    opened = await options.openStore(config, { log, address: url, localByDefault: true, onFault, tracer, ...shape })
    const store = storeOf(opened)
    if (!isGuarded) {
      requireGuarded(options.host, !store.tokens.isEmpty())
      url = await listen(app, options)
    }
    if (metricsTokens) servedOf(opened)?.metrics.watchProcess()
    return { url, store, close: (deadline) => close(app, store, deadline) }
  } catch (error) {
    await app.close()
    if (opened) await storeOf(opened).close()
    throw error
  }
}

async function listen(app: FastifyInstance, { host, port }: StartOptions): Promise<string> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
    const reason = code === "EADDRINUSE" ? "another process has it" : code
    throw new StoredError(
      "INVALID_INPUT",
      `Cannot listen on ${host}:${port} (${reason}); choose another STORED_HOST or STORED_PORT.`,
      { cause },
    )
  }
  const { address, family, port: real } = app.server.address() as AddressInfo
  return `http://${family === "IPv6" ? `[${address}]` : address}:${real}`
}

async function close(app: FastifyInstance, store: Store, deadline: number): Promise<void> {
  const end = Date.now() + deadline
  // A connection that ends its request now would stay open for the next one.
  const sweep = setInterval(() => app.server.closeIdleConnections(), 50)
  const cut = setTimeout(() => app.server.closeAllConnections(), deadline)
  await app.close()
  clearInterval(sweep)
  clearTimeout(cut)
  await store.close({ deadline: Math.max(1_000, end - Date.now()) })
}

/** @throws StoredError CLOSED where the store does its work itself */
function forWorkers(opened: Opened): InternalServices {
  const internal = servedOf(opened)?.internal
  if (internal) return internal
  throw new StoredError("CLOSED", "This server does its work itself and has none for workers; set its REDIS_URL.", {
    retryable: true,
  })
}

/** @throws StoredError INTERNAL where there is none */
function boardOf(opened: Opened): BoardAdapters {
  const { board } = served(opened)
  if (board) return board()
  throw new StoredError("INTERNAL", "The store was opened without queues that can be looked at.")
}

/** @throws StoredError INTERNAL where the store was opened without what is asked for */
function served(opened: Opened): Served {
  const whole = servedOf(opened)
  if (whole) return whole
  throw new StoredError("INTERNAL", "The store was opened alone, without what is to be served beside it.")
}

function starting(): never {
  throw new StoredError("CLOSED", "The store is starting; ask again in a moment.", { retryable: true })
}
