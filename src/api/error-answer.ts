/**
 * Turns whatever a route throws into one problem JSON. Nothing of a half-prepared answer (length, tag, type) survives into it, and
 * a fault of our own goes to the log in full.
 */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify"
import { isStoredError, type StoredError, toStoredError } from "../core/error.ts"
import { isConditional } from "./condition.ts"
import { loggedPath } from "./logged-path.ts"
import { noteFault } from "./noted-fault.ts"
import { httpProblem, PROBLEM_TYPE, type Problem, storedProblem } from "./problem.ts"

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const http = httpFault(error)
  if (http) {
    send(reply, http)
    return
  }
  const fault = toStoredError(error)
  noteFault(request.raw, fault.code)
  const problem = storedProblem(fault, { conditional: isConditional(request.headers), requestId: request.id })
  if (problem.status >= 500) report(fault, request, problem)
  if (fault.retryable && problem.status >= 500) reply.header("retry-after", "5")
  if (fault.code === "TOO_MANY_REQUESTS") reply.header("retry-after", String(fault.details.retryAfter ?? 1))
  if (fault.code === "UNAUTHENTICATED") reply.header("www-authenticate", "Bearer")
  if (problem.status === 416) reply.header("content-range", `bytes */${fault.details.size ?? "*"}`)
  send(reply, problem)
}

/** Sends a problem in place of whatever was prepared. */
export function send(reply: FastifyReply, problem: Problem): void {
  for (const name of Object.keys(reply.getHeaders())) {
    if (!KEPT.has(name)) reply.removeHeader(name)
  }
  if (!reply.request.raw.complete) stayToRead(reply)
  // As bytes: to a text Fastify would add a charset, which this type does not have.
  const body = Buffer.from(JSON.stringify(problem))
  reply.header("x-content-type-options", "nosniff")
  reply.code(problem.status).header("content-type", PROBLEM_TYPE).header("cache-control", "no-store").send(body)
}

/**
 * Where the client still sends, "Connection: close" would make Node close at once with bytes unread, which resets the connection and
 * can take this very answer away. `linger` closes it a little later.
 */
function stayToRead(reply: FastifyReply): void {
  reply.raw.shouldKeepAlive = true
}

const KEPT = new Set([
  "x-request-id",
  "retry-after",
  "content-range",
  "allow",
  "www-authenticate",
  // of `origin.ts`: without these a page cannot read what is wrong
  "vary",
  "access-control-allow-origin",
  "access-control-expose-headers",
])

/** Faults that Fastify itself finds: a bad path, a malformed content type. */
function httpFault(error: unknown): Problem | null {
  if (isStoredError(error) || !isFastifyError(error)) return null
  const status = error.statusCode ?? 500
  return status < 500 ? httpProblem(status, `${error.message}${error.message.endsWith(".") ? "" : "."}`) : null
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("FST_")
}

function report(fault: StoredError, request: FastifyRequest, problem: Problem): void {
  const facts = { code: fault.code, requestId: request.id, method: request.method, path: loggedPath(request.url) }
  if (problem.status === 500) request.log.error({ err: fault, ...facts }, "a request failed by a fault of our own")
  // Something of the world that may pass: where in the code it was met tells nobody anything.
  else request.log.warn({ error: fault.toJSON(), ...facts }, "a request could not be served")
}
