/** `GET /v1/status`: what there is, and what waits. */
import type { FastifyInstance } from "fastify"
import type { ApiServices } from "../services.ts"

export function status(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/status", async () => services.store.status())
}
