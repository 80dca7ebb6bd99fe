/** `POST /internal/suspect/{id}`: a worker read bytes that may be bad; they are looked at again before the answer. */
import type { FastifyInstance } from "fastify"
import type { InternalRouteServices } from "./internal.ts"
import { blobIdOf } from "./internal-content.ts"

export function internalSuspect(app: FastifyInstance, services: InternalRouteServices): void {
  app.post("/internal/suspect/*", async (request, reply) => {
    await services.internal.suspect(blobIdOf(request, "/internal/suspect/"))
    return reply.code(204).send()
  })
}
