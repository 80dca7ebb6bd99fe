/**
 * `GET /v1/backends/{name}/drift?limit=`: what lies there now against the catalog, one JSON object a line (`application/x-ndjson`) as it is found, and an empty
 * line now and then while nothing differs. What fails before the first line is an error as ever; later the connection is cut, so that half a list never looks whole.
 */
import type { FastifyInstance } from "fastify"
import * as z from "zod"
import { clientSignal } from "../client-signal.ts"
import { closingSignal } from "../closing-signal.ts"
import { DriftFeed } from "../drift-feed.ts"
import { parseQuery, whole } from "../query.ts"
import type { ApiServices } from "../services.ts"
import { cutSlowReader } from "../slow-reader.ts"
import { backendOf } from "./scan.ts"

const querySchema = z.strictObject({ limit: whole(1).optional() })

export function drift(app: FastifyInstance, services: ApiServices): void {
  const closing = closingSignal(app)
  app.get("/v1/backends/:name/drift", async (request, reply) => {
    const { limit } = parseQuery(querySchema, request.query)
    const { store, limits } = services
    const name = backendOf(request, "/drift")
    store.getBackend(name)
    const signal = AbortSignal.any([clientSignal(reply.raw), closing])
    const entries = store.drift(name, { ...(limit !== undefined && { limit }), signal })
    const feed = await DriftFeed.begin(entries, { heartbeat: limits.heartbeat, signal })
    cutSlowReader(reply.raw, limits.idleTimeout)
    reply.header("content-type", "application/x-ndjson").header("cache-control", "no-store")
    // Proxies that collect an answer before they pass it on would hold every line back.
    reply.header("x-accel-buffering", "no")
    return reply.send(feed)
  })
}
