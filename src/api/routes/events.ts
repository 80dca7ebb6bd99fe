/**
 * `GET /v1/events?after=&hints=`: server-sent events (the WHATWG format, what `EventSource` reads). Committed events carry their journal sequence as
 * `id`; a reader that comes back with it, by `after` or `Last-Event-ID`, misses none and gets none twice. Without it the stream begins now.
 */
import type { FastifyInstance, FastifyRequest } from "fastify"
import * as z from "zod"
import { closingSignal } from "../closing-signal.ts"
import { EventFeed } from "../event-feed.ts"
import { flag, parseAs, parseQuery, whole } from "../query.ts"
import type { ApiServices } from "../services.ts"
import { cutSlowReader } from "../slow-reader.ts"

const querySchema = z.strictObject({
  after: whole(0).optional(),
  /** also what is no committed fact: jobs that begin, changes that a watch saw, breakers; a slow reader does not get all of them */
  hints: flag.default(false),
})
const lastSchema = whole(0).optional()

export function events(app: FastifyInstance, services: ApiServices): void {
  const closing = closingSignal(app)
  app.get("/v1/events", async (request, reply) => {
    const { after, hints } = parseQuery(querySchema, request.query)
    const { store, limits } = services
    const from = after ?? lastEventId(request) ?? store.status().lastSequence
    const feed = new EventFeed(store, { after: from, hints, heartbeat: limits.heartbeat, closing })
    cutSlowReader(reply.raw, limits.idleTimeout)
    reply.header("content-type", "text/event-stream").header("cache-control", "no-store")
    // Proxies that collect an answer before they pass it on would hold every event back.
    reply.header("x-accel-buffering", "no")
    return reply.send(feed)
  })
}

function lastEventId({ headers }: FastifyRequest): number | undefined {
  return parseAs("Last-Event-ID", lastSchema, headers["last-event-id"])
}
