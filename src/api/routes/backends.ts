/**
 * `GET /v1/backends`, and `GET`, `PUT`, `DELETE /v1/backends/{name}`. The body of PUT is the driver's settings as JSON, `{"driver":"fs",…}`, and they are
 * tried before they are kept: 201 where it is new, 200 where it was there, 409 for that with `If-None-Match: *`. `DELETE ?force=` leaves out the look at the other
 * copies, which the journal keeps. `POST /v1/backends/{name}/test` asks it something now. Secrets go in only.
 */
import type { FastifyInstance, FastifyRequest } from "fastify"
import * as z from "zod"
import { StoredError } from "../../core/error.ts"
import type { JsonObject } from "../../core/json.ts"
import { clientSignal } from "../client-signal.ts"
import { pathName } from "../path-name.ts"
import { flag, parseQuery } from "../query.ts"
import type { ApiServices } from "../services.ts"
import { smallBody } from "../small-body.ts"

const removeSchema = z.strictObject({ force: flag.optional() })
/** Which settings there are is the driver's to say. */
const settingsSchema = z.unknown()

export function backends(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/backends", async () => {
    const { store } = services
    return { backends: store.listBackends().map((name) => store.getBackend(name)) }
  })
  app.get("/v1/backends/*", async (request) => services.store.getBackend(nameOf(request)))
  app.put("/v1/backends/*", async (request, reply) => {
    const { store, limits } = services
    const name = nameOf(request)
    const mustBeNew = isForNew(request)
    const settings = (await smallBody(request, reply, limits, settingsSchema)) as JsonObject
    const isNew = !store.listBackends().includes(name)
    const actor = { requestId: request.id }
    const info = await (mustBeNew ? store.addBackend(name, settings, actor) : store.setBackend(name, settings, actor))
    reply.code(isNew ? 201 : 200)
    return info
  })
  app.post("/v1/backends/:name/test", async (request) =>
    services.store.testBackend(nameOf(request).slice(0, -"/test".length)),
  )
  app.delete("/v1/backends/*", async (request, reply) => {
    const { force } = parseQuery(removeSchema, request.query)
    await services.store.removeBackend(nameOf(request), {
      ...(force !== undefined && { force }),
      signal: clientSignal(reply.raw),
      requestId: request.id,
    })
    return reply.code(204).send()
  })
}

/** @throws StoredError INVALID_INPUT: settings have no versions that a condition could name */
function isForNew({ headers }: FastifyRequest): boolean {
  const { "if-none-match": noneMatch, "if-match": match } = headers
  if (match === undefined && (noneMatch === undefined || noneMatch.trim() === "*")) return noneMatch !== undefined
  throw new StoredError("INVALID_INPUT", "Settings of backends know one condition: If-None-Match: * for a new one.")
}

function nameOf(request: FastifyRequest): string {
  return pathName(request.raw.url ?? "", "/v1/backends/")
}
