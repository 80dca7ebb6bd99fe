/**
 * `GET /ready`: 200 once puts are taken, 503 before and while closing, and in either case what is there and what is away.
 *
 * A backend, Redis or all workers that are away do not make it unready. A put is safe once it is on the local disk, and its copies wait in the outbox: to
 * take such a server out of service would turn puts away that it can keep.
 */
import type { FastifyInstance } from "fastify"
import { isStoredError } from "../../core/error.ts"
import type { StoreStatus } from "../../store/store.ts"
import type { ApiServices } from "../services.ts"

interface Readiness {
  /** puts are taken */
  ready: boolean
  /** `away` while it is not open */
  catalog: "ok" | "away"
  /** by name */
  backends: Record<string, "open" | "unavailable">
  /** null where none is used */
  redis: "ok" | "away" | null
  /** those that are alive */
  workers: number
}

const CLOSED: Readiness = { ready: false, catalog: "away", backends: {}, redis: null, workers: 0 }

export function ready(app: FastifyInstance, services: ApiServices): void {
  app.get("/ready", async (_request, reply) => {
    const told = readiness(services)
    return reply
      .code(told.ready ? 200 : 503)
      .header("cache-control", "no-store")
      .send(told)
  })
}

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
