/**
 * `GET /v1/backends`, and `GET`, `PUT`, `DELETE /v1/backends/{name}`. The body of PUT is the driver's settings as JSON, `{"driver":"fs",…}`; a name
 * that is taken is 409. `DELETE ?force=` leaves out the look at the other copies, which the journal keeps.
 */
import type { FastifyInstance, FastifyRequest } from "fastify"
import * as z from "zod"
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
    const name = nameOf(request)
    const settings = (await smallBody(request, reply, services.limits, settingsSchema)) as JsonObject
    const added = await services.store.addBackend(name, settings)
    reply.code(201)
    return added
  })
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

function nameOf(request: FastifyRequest): string {
  return pathName(request.raw.url ?? "", "/v1/backends/")
}
