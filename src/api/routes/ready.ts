/**
 * `GET /ready`: 200 once puts are taken, 503 before and while closing, and in either case what is there and what is away.
 *
 * A backend, Redis or all workers that are away do not make it unready. A put is safe once it is on the local disk, and its copies wait in the outbox: to
 * take such a server out of service would turn puts away that it can keep.
 */
import * as z from "zod"
import { isStoredError } from "../../core/error.ts"
import type { StoreStatus } from "../../store/store.ts"
import { route } from "../route.ts"
import type { ApiServices } from "../services.ts"

const shape = z
  .object({
    ready: z.boolean().describe("puts are taken"),
    catalog: z.enum(["ok", "away"]),
    backends: z.record(z.string(), z.enum(["open", "unavailable"])).describe("by name"),
    redis: z.enum(["ok", "away"]).nullable().describe("null where none is used"),
    workers: z.int().describe("those that are alive"),
  })
  .meta({ id: "Readiness" })
type Readiness = z.output<typeof shape>

const CLOSED: Readiness = { ready: false, catalog: "away", backends: {}, redis: null, workers: 0 }

export const ready = route({
  method: "GET",
  path: "/ready",
  operation: "getReadiness",
  tag: "service",
  summary: "Whether puts are taken, and what is away.",
  policy: { open: true, why: "load balancers ask without a token" },
  query: z.looseObject({}),
  answers: { 200: { is: "They are.", schema: shape }, 503: { is: "Not yet, or no more.", schema: shape } },
  handle({ services, reply }) {
    const told = readiness(services)
    return reply
      .code(told.ready ? 200 : 503)
      .header("cache-control", "no-store")
      .send(told)
  },
})

function readiness(services: ApiServices): Readiness {
  const status = statusOf(services)
  if (status?.state !== "ready") return CLOSED
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
