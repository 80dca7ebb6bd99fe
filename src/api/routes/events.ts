/**
 * `GET /v1/events?after=&hints=`: server-sent events (the WHATWG format, what `EventSource` reads). Committed events carry their journal sequence as
 * `id`; a reader that comes back with it, by `after` or `Last-Event-ID`, misses none and gets none twice. Without it the stream begins now.
 */
import type { FastifyRequest } from "fastify"
import * as z from "zod"
import { allowedEvents } from "../access/allowed-facts.ts"
import { EventFeed } from "../event-feed.ts"
import { serveEventSocket } from "../event-socket.ts"
import { flag, parseAs, whole } from "../query.ts"
import { type Call, route } from "../route.ts"
import { event } from "../schemas/service.ts"
import { cutSlowReader } from "../slow-reader.ts"

export const eventsQuery = z.strictObject({
  after: whole(0).optional().describe("the journal sequence that was seen last"),
  hints: flag
    .default(false)
    .describe(
      "also what is no committed fact: jobs that begin, changes that a watch saw, breakers; a slow reader does not get all of them",
    ),
})
const lastSchema = whole(0).optional()

export const events = route({
  method: "GET",
  path: "/v1/events",
  operation: "streamEvents",
  tag: "events",
  summary: "What happens, as it happens, and what happened since a sequence.",
  policy: { scope: "read", on: "kept" },
  query: eventsQuery,
  headers: { "last-event-id": "as `after`; what EventSource sends by itself" },
  description:
    "Who asks for a WebSocket gets one: an event a message. A browser names its token among the protocols that it offers, `stored` and `bearer.<token>`.",
  answers: {
    200: {
      is: "Server-sent events without end; the data of each message is one of these.",
      type: "text/event-stream",
      schema: event,
    },
  },
  handle(call) {
    const { services, access, reply, query, closing } = call
    const { store, limits } = services
    const feed = new EventFeed(allowedEvents(store, access), {
      after: beginning(call),
      hints: query.hints,
      heartbeat: limits.heartbeat,
      closing,
    })
    cutSlowReader(reply.raw, limits.idleTimeout)
    reply.header("content-type", "text/event-stream").header("cache-control", "no-store")
    // Proxies that collect an answer before they pass it on would hold every event back.
    reply.header("x-accel-buffering", "no")
    return reply.send(feed)
  },
  socket(call, socket) {
    const { services, access, query, closing } = call
    void serveEventSocket(socket, allowedEvents(services.store, access), {
      after: beginning(call),
      hints: query.hints,
      heartbeat: services.limits.heartbeat,
      closing,
    })
  },
})

type EventCall = Pick<Call<z.output<typeof eventsQuery>, never>, "services" | "request" | "query">

function beginning({ services, request, query }: EventCall): number {
  return query.after ?? lastEventId(request) ?? services.store.status().lastSequence
}

function lastEventId({ headers }: FastifyRequest): number | undefined {
  return parseAs("Last-Event-ID", lastSchema, headers["last-event-id"])
}
