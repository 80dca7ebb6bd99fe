/** `GET /internal/configuration`: what a worker has to know to begin, secrets too. */
import type { FastifyInstance } from "fastify"
import type { InternalRouteServices } from "./internal.ts"

export function internalConfiguration(app: FastifyInstance, services: InternalRouteServices): void {
  app.get("/internal/configuration", async (_request, reply) => {
    reply.header("cache-control", "no-store")
    return services.internal.desk.configuration()
  })
}
