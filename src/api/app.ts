/**
 * The HTTP API: `buildApp` makes a Fastify instance over a store, which tests can use without a port. It wires limits, error
 * answers and routes; what each route does stands in `routes/`.
 *
 * Every answer that is not a blob or JSON record is problem JSON, also for unknown paths, wrong methods and bad HTTP.
 */
import { randomBytes } from "node:crypto"
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from "fastify"
import { pino } from "pino"
import type { Store } from "../store/store.ts"
import { requireAdmin } from "./admin-auth.ts"
import { allowedMethods } from "./allowed-methods.ts"
import { answerClientError, rememberAnswer } from "./client-error.ts"
import { answerError, send } from "./error-answer.ts"
import { holdContinue } from "./expect-continue.ts"
import type { InternalServices } from "./internal-services.ts"
import { type ApiLimits, DEFAULT_LIMITS } from "./limits.ts"
import { linger } from "./linger.ts"
import { type MetricsTokens, metricsGate } from "./metrics-gate.ts"
import { httpProblem, type Problem } from "./problem.ts"
import { mountInternal } from "./routes/internal.ts"
import { type MetricsSource, mountMetrics } from "./routes/metrics.ts"
import { type BoardAdapters, mountQueues } from "./routes/queues.ts"
import { ADMIN_ROUTES, ROUTES } from "./routes/routes.ts"
import type { ApiServices } from "./services.ts"

export interface AppOptions {
  /** the store, or a function that throws CLOSED until there is one */
  store: Store | (() => Store)
  /** absent: silence */
  log?: FastifyBaseLogger
  limits?: Partial<ApiLimits>
  /** absent: there are no paths for workers */
  internal?: {
    /** what workers must send */
    token: string
    /** throws CLOSED until there is a store */
    services(): InternalServices
  }
  /** what must be sent to see and change backends; absent: nothing need be */
  adminToken?: string
  /** absent: there is no `/metrics` */
  metrics?: {
    tokens: MetricsTokens
    /** throws CLOSED until there is a store */
    source(): MetricsSource
  }
  /** absent: there is no `/queues` */
  board?: {
    /** the administrator's */
    token: string
    /** throws CLOSED until there is a store */
    queues(): BoardAdapters
  }
}

export function buildApp(options: AppOptions): FastifyInstance {
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const log = options.log ?? pino({ level: "silent" })
  const app = fastify({
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
    },
    routerOptions: { maxParamLength: limits.maxHeaderSize },
    clientErrorHandler: answerClientError,
    frameworkErrors: answerError,
  })
  // Node passes over surplus fields silently, and a condition among them with it: take all, refuse too many.
  app.server.maxHeadersCount = 0
  holdContinue(app.server)

  // Every body is bytes, whatever it says it is: nothing is parsed, nothing is buffered.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser("*", (_request, _payload, done) => done(null))

  app.addHook("onRequest", async (request, reply) => {
    rememberAnswer(request.raw.socket, reply.raw)
    reply.header("x-request-id", request.id)
    const fault = headFault(request, limits)
    if (fault) {
      send(reply, fault)
      return reply
    }
  })
  app.addHook("onResponse", async (request) => linger(request.raw, limits.lingerTime))
  app.setErrorHandler(answerError)
  const { store, internal, metrics } = options
  const there = { internal: internal !== undefined, metrics: metrics !== undefined }
  app.setNotFoundHandler((request, reply) => answerUnknown(request, reply, there))
  const services: ApiServices = {
    get store() {
      return typeof store === "function" ? store() : store
    },
    log,
    limits,
  }
  for (const route of ROUTES) route(app, services)
  app.register(async (scope) => {
    if (options.adminToken) scope.addHook("onRequest", requireAdmin(options.adminToken))
    for (const route of ADMIN_ROUTES) route(scope, services)
  })
  if (internal) {
    mountInternal(app, internal.token, {
      get internal() {
        return internal.services()
      },
      log,
      limits,
    })
  }
  if (metrics) mountMetrics(app, metricsGate(app.server, metrics.tokens), metrics.source)
  if (options.board) mountQueues(app, options.board.token, options.board.queues)
  return app
}

function headFault({ raw }: FastifyRequest, limits: ApiLimits): Problem | null {
  if (raw.rawHeaders.length / 2 > limits.maxHeaderCount) {
    return httpProblem(431, `The request has more than ${limits.maxHeaderCount} header fields; send fewer.`)
  }
  if (raw.httpVersion === "1.1" && raw.headers.host === undefined) {
    return httpProblem(400, "The request has no Host header; send one.")
  }
  return null
}

function answerUnknown(
  request: FastifyRequest,
  reply: FastifyReply,
  there: { internal: boolean; metrics: boolean },
): void {
  const allowed = allowedMethods(request.url.replace(/\?.*$/s, ""), there)
  if (!allowed) {
    send(reply, httpProblem(404, "There is nothing at this path; objects live under /v1/objects/."))
    return
  }
  reply.header("allow", allowed.join(", "))
  send(reply, httpProblem(405, `This path takes ${allowed.join(", ")}, not ${request.method}.`))
}

/** Unique over restarts, so that the log and the journal can be asked for one. */
function requestIds(): () => string {
  const boot = randomBytes(6).toString("base64url")
  let count = 0
  return () => `${boot}-${(++count).toString(36)}`
}
