/**
 * `GET /v1/backends/{name}/drift?limit=`: what lies there now against the catalog, one JSON object a line (`application/x-ndjson`) as it is found, and an empty
 * line now and then while nothing differs. What fails before the first line is an error as ever; later the connection is cut, so that half a list never looks whole.
 * `POST …/heal` with nothing, or with `{"key": …}`, has copies brought back from others, and says how many.
 */
import * as z from "zod"
import { actorOf } from "../access/actor.ts"
import { clientSignal } from "../client-signal.ts"
import { whole } from "../query.ts"
import { route } from "../route.ts"
import { driftEntry } from "../schemas/backend.ts"
import { NDJSON, sendLines } from "../send-lines.ts"

export const drift = route({
  method: "GET",
  path: "/v1/backends/{name}/drift",
  operation: "listDrift",
  tag: "scans",
  summary: "What lies at a backend now and is not as the catalog says.",
  policy: { scope: "admin", on: "backend" },
  query: z.strictObject({ limit: whole(1).optional() }),
  answers: {
    200: {
      is: "A JSON object a line, and an empty line now and then.",
      type: NDJSON,
      schema: driftEntry,
    },
  },
  handle({ services: { store, limits }, name, reply, query: { limit }, closing }) {
    store.getBackend(name)
    const signal = AbortSignal.any([clientSignal(reply.raw), closing])
    const entries = store.drift(name, { ...(limit !== undefined && { limit }), signal })
    return sendLines(reply, entries, { ...limits, signal })
  },
})

export const heal = route({
  method: "POST",
  path: "/v1/backends/{name}/heal",
  operation: "heal",
  tag: "scans",
  summary: "Has copies that are missing or bad brought back from others.",
  policy: { scope: "admin", on: "backend" },
  body: z.strictObject({ key: z.string().optional().describe("only the copy of this object") }).default({}),
  answers: { 200: { is: "So many are brought back.", schema: z.object({ healed: z.int() }) } },
  async handle({ services, access, request, name, body }) {
    const { key } = await body()
    const actor = actorOf({ access, request })
    return { healed: await services.store.heal(name, { ...(key !== undefined && { key }), ...actor }) }
  },
})
