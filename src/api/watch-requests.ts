/**
 * Every request is counted, is a line in the log, and is a span where somebody collects those, from its head to the end of its answer, also where the client goes
 * before that. What workers and supervisors ask many times a minute is a line at level debug only, and never a span.
 */
import type { Socket } from "node:net"
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify"
import type { RequestMeter } from "../metrics/request-meter.ts"
import type { OpenSpan, Tracer } from "../tracing/tracer.ts"
import { knownAccess } from "./access/request-access.ts"
import { loggedPath } from "./logged-path.ts"
import { notedFault } from "./noted-fault.ts"

export interface RequestWatch {
  log: FastifyBaseLogger
  /** null until there is a store; absent: nobody counts */
  meter?: (() => RequestMeter | null) | undefined
  /** absent or null: nobody collects spans */
  tracer?: Tracer | null | undefined
}

/** Where a route's operation hangs on Fastify's own record of it. */
declare module "fastify" {
  interface FastifyContextConfig {
    /** unique; absent where the path is none of the table's */
    operation?: string
  }
}

const OTHER = "other"
/** Asked all the time, and of no interest to anybody while they are answered. */
const FREQUENT: ReadonlySet<string> = new Set(["exchange", "getMetrics", "getHealth", "getReadiness"])
/** nothing was answered before the client went */
const GONE = 499

/** To be called before any other hook is added. */
export function watchRequests(app: FastifyInstance, watch: RequestWatch): void {
  let running = 0
  app.addHook("onRequest", (request, reply, done) => {
    const began = performance.now()
    running += 1
    watch.meter?.()?.requestBegan(running)
    const span = watch.tracer ? spanOf(request, watch.tracer) : null
    // Not Fastify's own hook, which does not hear of clients that go.
    reply.raw.once("close", () => {
      running -= 1
      const ended = { ...endOf(request, reply), ms: performance.now() - began }
      watch.meter?.()?.requestEnded({ ...ended, seconds: ended.ms / 1000 }, running)
      tell(watch.log, request, reply, ended)
      if (span) endSpan(span, request, reply, ended)
    })
    if (span) span.run(done)
    else done()
  })
}

type Ended = ReturnType<typeof endOf> & { ms: number }

function endOf(request: FastifyRequest, reply: FastifyReply) {
  const { headersSent, statusCode } = reply.raw
  return {
    operation: operationOf(request),
    status: headersSent ? statusCode : GONE,
    code: notedFault(request.raw),
  }
}

function operationOf(request: FastifyRequest): string {
  return request.routeOptions.config.operation ?? OTHER
}

function tell(log: FastifyBaseLogger, request: FastifyRequest, reply: FastifyReply, ended: Ended): void {
  const { operation, status, code, ms } = ended
  const facts = {
    requestId: request.id,
    method: request.method,
    operation,
    path: loggedPath(request.url),
    status,
    ...(code !== null && { code }),
    ...(!reply.raw.writableFinished && { cut: true }),
    ...passed(request.raw.socket),
    ms: Math.round(ms * 10) / 10,
    principal: knownAccess(request)?.principal ?? null,
  }
  if (FREQUENT.has(operation)) log.debug(facts, "a request was answered")
  else log.info(facts, "a request was answered")
}

const TOLD = new WeakMap<Socket, { in: number; out: number }>()

/** Bytes on the wire since the last request of that connection, heads included. */
function passed(socket: Socket): { in: number; out: number } {
  const now = { in: socket.bytesRead ?? 0, out: socket.bytesWritten ?? 0 }
  const before = TOLD.get(socket) ?? { in: 0, out: 0 }
  TOLD.set(socket, now)
  return { in: now.in - before.in, out: now.out - before.out }
}

function spanOf(request: FastifyRequest, tracer: Tracer): OpenSpan | null {
  const operation = operationOf(request)
  if (FREQUENT.has(operation)) return null
  const route = request.routeOptions.url
  const { traceparent } = request.headers
  return tracer.begin(`${request.method} ${route ?? OTHER}`, {
    kind: "server",
    attributes: {
      "http.request.method": request.method,
      ...(route !== undefined && { "http.route": route }),
      "stored.operation": operation,
      "stored.request_id": request.id,
      ...sizeAs("http.request.body.size", request.headers["content-length"]),
    },
    parent: typeof traceparent === "string" ? traceparent : null,
  })
}

function endSpan(span: OpenSpan, request: FastifyRequest, reply: FastifyReply, { status, code }: Ended): void {
  const principal = knownAccess(request)?.principal
  span.set({
    "http.response.status_code": status,
    ...(principal !== undefined && { "stored.principal": principal }),
    ...sizeAs("http.response.body.size", reply.raw.getHeader("content-length")),
  })
  if (status >= 500 || !reply.raw.writableFinished) span.fail(code ?? String(status))
  else if (code !== null) span.set({ "error.type": code })
  span.end()
}

function sizeAs(name: string, length: unknown): Record<string, number> {
  const size = length === undefined ? Number.NaN : Number(length)
  return Number.isSafeInteger(size) ? { [name]: size } : {}
}
