/** `GET /health`: the process is alive and answers. */
import type { FastifyInstance } from "fastify"

export function health(app: FastifyInstance): void {
  app.get("/health", async () => ({ status: "ok" }))
}
