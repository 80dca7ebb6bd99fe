/**
 * `GET /ready`: 200 once puts are taken, 503 before and while closing; and what is there and what is away, for whoever may read the whole store: a probe without a token is told the rest only where nobody
 * is asked for one.
 *
 * A backend, Redis or all workers that are away do not make it unready. A put is safe once it is on the local disk, and its copies wait in the outbox: to
 * take such a server out of service would turn puts away that it can keep.
 */
import type { FastifyRequest } from "fastify"
import * as z from "zod"
import { isStoredError } from "../../core/error.ts"
import type { StoreStatus } from "../../store/store.ts"
import { callerOf } from "../access/caller.ts"
import { keepAccess } from "../access/request-access.ts"
import { route } from "../route.ts"
import type { ApiServices } from "../services.ts"

const shape = z
  .object({
    ready: z.boolean().describe("puts are taken"),
    catalog: z.enum(["ok", "away"]).optional(),
    backends: z
      .record(z.string(), z.enum(["open", "unavailable"]))
      .optional()
      .describe("by name"),
    redis: z.enum(["ok", "away"]).nullable().optional().describe("null where none is used"),
    workers: z.int().optional().describe("those that are alive"),
  })
  .meta({ id: "Readiness" })
type Readiness = z.output<typeof shape>

export const ready = route({
  method: "GET",
  path: "/ready",
  operation: "getReadiness",
  tag: "service",
  summary: "Whether puts are taken, and what is away.",
  description: "Where tokens are asked for, what is away is told to those only that may read the whole store.",
  policy: { open: true, why: "load balancers ask without a token, and learn only whether puts are taken" },
  query: z.looseObject({}),
  answers: { 200: { is: "They are.", schema: shape }, 503: { is: "Not yet, or no more.", schema: shape } },
  handle({ services, request, reply }) {
    const found = readiness(services)
    const told = found.ready && !mayKnow(services, request) ? { ready: true } : found
    return reply
      .code(told.ready ? 200 : 503)
      .header("cache-control", "no-store")
      .send(told)
  },
})

/** A token that is none is counted and told to the audit as everywhere, but a probe that shows one is answered: nothing hangs on it. */
function mayKnow({ keeper, audit }: ApiServices, request: FastifyRequest): boolean {
  if (keeper.isOpen) return true
  if (request.headers.authorization === undefined) return false
  try {
    const access = keeper.admit(callerOf(request))
    keepAccess(request, access)
    return access.allows("read") && access.prefixes === null && access.backends === null
  } catch (error) {
    if (!isStoredError(error) || error.code === "CLOSED") throw error
    audit.refused(request, null, error)
    return false
  }
}

function readiness(services: ApiServices): Readiness {
  const status = statusOf(services)
  if (status?.state !== "ready") return { ready: false }
  const { backends, redis, workers } = status
  return {
    ready: true,
    catalog: "ok",
    backends: Object.fromEntries(backends.map(({ name, state }) => [name, state])),
    redis,
    workers: workers.filter(({ alive }) => alive).length,
  }
}

/** Null while there is no store to ask. */
function statusOf(services: ApiServices): StoreStatus | null {
  try {
    return services.store.status()
  } catch (error) {
    if (isStoredError(error) && error.code === "CLOSED") return null
    throw error
  }
}
