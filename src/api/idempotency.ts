/**
 * `Idempotency-Key`: a request that is sent again, because its answer was lost, has an effect once and is answered alike, with `Idempotent-Replayed: true`.
 * The header as in draft-ietf-httpapi-idempotency-key-header, with or without quotes; what is kept, and for how long, is the store's (RELIABILITY P10).
 */
import type { FastifyReply, FastifyRequest } from "fastify"
import { StoredError } from "../core/error.ts"
import type { HeaderNotes, Route } from "./route.ts"

export const ONCE_HEADERS: HeaderNotes = {
  "idempotency-key":
    "the request has an effect once: sent again within a day it is answered alike, another one with the same key is refused (422)",
}

/**
 * A key that a route does not look at would promise what nobody keeps.
 * @param headers that the route understands, `ONCE_HEADERS` among them or not
 * @throws StoredError INVALID_INPUT
 */
export function requireUnderstoodKey(
  request: FastifyRequest,
  { method, path, headers }: Pick<Route, "method" | "path" | "headers">,
): void {
  if (request.headers["idempotency-key"] === undefined || method === "GET" || method === "HEAD") return
  if (headers?.["idempotency-key"] !== undefined) return
  throw new StoredError(
    "INVALID_INPUT",
    `${method} ${path} takes no Idempotency-Key: look at what it has done before it is sent again, and leave the key out.`,
  )
}

/** @throws StoredError INVALID_INPUT */
export function idempotencyKey({ headers }: FastifyRequest): string | undefined {
  const field = headers["idempotency-key"]
  if (field === undefined) return undefined
  if (Array.isArray(field)) throw new StoredError("INVALID_INPUT", "Give one Idempotency-Key, not several.")
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(field.trim())
  return quoted ? quoted[1]!.replace(/\\(["\\])/g, "$1") : field.trim()
}

/** What a verb is told, so that the answer says when it was done before. */
export function onceOptions(
  request: FastifyRequest,
  reply: FastifyReply,
): { idempotencyKey?: string; onRepeat?(): void } {
  const key = idempotencyKey(request)
  if (key === undefined) return {}
  return { idempotencyKey: key, onRepeat: () => void reply.header("idempotent-replayed", "true") }
}
