/**
 * The HTTP API: `buildApp` makes a Fastify instance over a store, which tests can use without a port. It wires limits, error
 * answers and routes; what each route does stands in `routes/`.
 *
 * Every answer that is not a blob or JSON record is problem JSON, also for unknown paths, wrong methods and bad HTTP.
 */
import websocket from "@fastify/websocket"
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
  type RouteOptions,
} from "fastify"
import { pino } from "pino"
import { type ErrorCode, StoredError } from "../core/error.ts"
import type { RequestMeter } from "../metrics/request-meter.ts"
import type { Store } from "../store/store.ts"
import type { Tracer } from "../tracing/tracer.ts"
import { Audit, type AuditEvent } from "./access/audit.ts"
import { Gatekeeper } from "./access/gatekeeper.ts"
import { Holds } from "./access/holds.ts"
import { knownAccess } from "./access/request-access.ts"
import { warnOfUnnamedProxy } from "./access/trusted-proxies.ts"
import { answerClientError, rememberAnswer } from "./client-error.ts"
import { closingSignal } from "./closing-signal.ts"
import { mountDocs } from "./docs.ts"
import { answerError, send } from "./error-answer.ts"
import { isEventUpgrade, MOST_SAID, PROTOCOL, takeToken } from "./event-socket.ts"
import { holdContinue } from "./expect-continue.ts"
import { gateOf } from "./gates.ts"
import { afterEarlier } from "./in-order.ts"
import type { InternalServices } from "./internal-services.ts"
import { type ApiLimits, DEFAULT_LIMITS } from "./limits.ts"
import { linger } from "./linger.ts"
import type { MetricsTokens } from "./metrics-gate.ts"
import { mountRoute, nameOf } from "./mount-route.ts"
import { originGate } from "./origin.ts"
import { httpProblem, type Problem } from "./problem.ts"
import { requestIds } from "./request-id.ts"
import type { Route } from "./route.ts"
import { allowedMethods } from "./route-paths.ts"
import type { MetricsSource } from "./routes/metrics.ts"
import { type BoardOptions, mountQueues } from "./routes/queues.ts"
import { INTERNAL_ROUTES, METRICS_ROUTES, ROUTES } from "./routes/routes.ts"
import type { ApiServices } from "./services.ts"
import { watchRequests } from "./watch-requests.ts"

export interface AppOptions {
  /** the store, or a function that throws CLOSED until there is one */
  store: Store | (() => Store)
  /** absent: silence */
  log?: FastifyBaseLogger
  limits?: Partial<ApiLimits>
  /** sites whose pages may use the server, see `origin.ts`; absent: its own alone */
  origins?: readonly string[]
  /** addresses and networks of proxies that are believed when they say whom they speak for, see `access/trusted-proxies.ts`; absent: none */
  trustedProxies?: readonly string[]
  /** absent: there are no paths for workers */
  internal?: {
    /** what workers must send */
    token: string
    /** throws CLOSED until there is a store */
    services(): InternalServices
  }
  /** of the administrator, who may do everything but what workers do; absent: nobody is asked for a token until the store has one */
  adminToken?: string
  /** ms that never go back, for rates; absent: those of the process */
  now?(): number
  /** told of every decision about access, see `access/audit.ts` */
  onAudit?(event: AuditEvent): void
  /** counts requests; null until there is a store */
  requestMeter?: () => RequestMeter | null
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null
  /** counts refusals by their code */
  onRefusal?(code: ErrorCode): void
  /** absent: there is no `/metrics` */
  metrics?: {
    tokens: MetricsTokens
    /** throws CLOSED until there is a store */
    source(): MetricsSource
  }
  /** the version of StoreD; absent: there is no `/docs` */
  docs?: string
  /** absent: there is no `/queues` */
  board?: BoardOptions
}

export function buildApp(options: AppOptions): FastifyInstance {
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const log = options.log ?? pino({ level: "silent" })
  const { trustedProxies = [], now = () => performance.now() } = options
  const app = fastify({
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    genReqId: requestIds(),
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeout,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    http: {
      headersTimeout: limits.headersTimeout,
      connectionsCheckingInterval: limits.checkInterval,
      maxHeaderSize: limits.maxHeaderSize,
      // Looked at below, so that its absence is told in our words.
      requireHostHeader: false,
      // curl offers h2c with every request, and its body is still HTTP/1.1.
      shouldUpgradeCallback: isEventUpgrade,
    },
    routerOptions: { maxParamLength: limits.maxHeaderSize },
    clientErrorHandler: answerClientError,
    frameworkErrors: answerError,
  })
  // Node passes over surplus fields silently, and a condition among them with it: take all, refuse too many.
  app.server.maxHeadersCount = 0
  app.server.maxConnections = limits.maxConnections
  holdContinue(app.server)

  // Every body is bytes, whatever it says it is: nothing is parsed, nothing is buffered.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser("*", (_request, _payload, done) => done(null))

  const warnOfProxy = warnOfUnnamedProxy(log, trustedProxies)
  watchRequests(app, { log, meter: options.requestMeter, tracer: options.tracer })
  app.addHook("onRequest", async (request, reply) => {
    await afterEarlier(request.raw, reply.raw)
    rememberAnswer(request.raw.socket, reply.raw)
    warnOfProxy(request)
    reply.header("x-request-id", request.id)
    if (isEventUpgrade(request.raw)) takeToken(request.raw)
    const fault = headFault(request, limits)
    if (fault) {
      send(reply, fault)
      return reply
    }
  })
  app.addHook("onResponse", async (request, reply) => {
    linger(request.raw, limits.lingerTime)
    // Node counts a connection that asked to become another one no more, and would neither time it out nor close it.
    const { socket } = request.raw
    if (isEventUpgrade(request.raw) && reply.statusCode >= 400) socket.end(() => socket.destroy())
  })
  const audit = new Audit({ log, onAudit: options.onAudit, onRefusal: options.onRefusal, now })
  app.setErrorHandler((error, request, reply) => {
    audit.refused(request, knownAccess(request), error)
    return answerError(error, request, reply)
  })
  const { store, internal, metrics } = options
  const routes = [...ROUTES, ...(internal ? INTERNAL_ROUTES : []), ...(metrics ? METRICS_ROUTES : [])]
  app.setNotFoundHandler((request, reply) => answerUnknown(request, reply, routes))
  const storeNow = (): Store => (typeof store === "function" ? store() : store)
  const keeper = new Gatekeeper({ root: options.adminToken ?? null, tokens: () => storeNow().tokens, now })
  const holds = new Holds(limits.maxRequestsPerToken)
  const services: ApiServices = {
    get store() {
      return storeNow()
    },
    get internal() {
      return internal!.services()
    },
    get metrics() {
      return metrics!.source()
    },
    log,
    limits,
    keeper,
    audit,
    holds,
  }
  requirePolicies(app)
  app.addHook(
    "onRequest",
    originGate({
      origins: options.origins ?? [],
      isOpen: () => keeper.isOpen,
      methodsOf: (path) => allowedMethods(routes, path),
    }),
  )
  const closing = closingSignal(app)
  const gates = {
    server: app.server,
    workerToken: internal?.token,
    metricsTokens: metrics?.tokens,
    keeper,
    audit,
    holds,
    store: storeNow,
    nameOf,
  }
  app.register(websocket, { options: { maxPayload: MOST_SAID, handleProtocols: chooseProtocol } })
  // Behind the plug-in, which looks at each route that is added.
  app.register(async (scope) => {
    for (const route of routes) mountRoute(scope, route, { services, closing, gate: gateOf(route, gates) })
  })
  if (options.docs !== undefined) mountDocs(app, routes, options.docs)
  if (options.board) mountQueues(app, options.board, { keeper, audit })
  return app
}

/** Whoever adds a route without saying who may use it is told when the application is made ready: it does not serve. */
function requirePolicies(app: FastifyInstance): void {
  const routes: RouteOptions[] = []
  app.addHook("onRoute", (route) => {
    routes.push(route)
  })
  app.addHook("onReady", async () => {
    const without = routes.filter(({ config }) => config?.policy === undefined)
    if (without.length === 0) return
    const names = without.map(({ method, url }) => `${method} ${url}`)
    throw new StoredError("INTERNAL", `These routes do not say who may use them: ${names.join(", ")}.`)
  })
}

function chooseProtocol(offered: Set<string>): string | false {
  return offered.has(PROTOCOL) && PROTOCOL
}

function headFault({ raw }: FastifyRequest, limits: ApiLimits): Problem | null {
  if (raw.rawHeaders.length / 2 > limits.maxHeaderCount) {
    return httpProblem(431, `The request has more than ${limits.maxHeaderCount} header fields; send fewer.`)
  }
  // Of several, Node takes the first and a proxy before it perhaps the last.
  const hosts = raw.rawHeaders.filter((text, index) => index % 2 === 0 && /^host$/i.test(text)).length
  if (hosts > 1) return httpProblem(400, "The request has several Host headers; send one.")
  if (raw.httpVersion === "1.1" && hosts === 0) {
    return httpProblem(400, "The request has no Host header; send one.")
  }
  return null
}

function answerUnknown(request: FastifyRequest, reply: FastifyReply, routes: readonly Route[]): void {
  const allowed = allowedMethods(routes, request.url.replace(/\?.*$/s, ""))
  if (!allowed) {
    send(reply, httpProblem(404, "There is nothing at this path; objects live under /v1/objects/."))
    return
  }
  reply.header("allow", allowed.join(", "))
  send(reply, httpProblem(405, `This path takes ${allowed.join(", ")}, not ${request.method}.`))
}
