/** `GET /ready`: 200 once puts are taken, 503 before and while closing. */
import type { FastifyInstance } from "fastify"
import { send } from "../error-answer.ts"
import { httpProblem } from "../problem.ts"
import type { ApiServices } from "../services.ts"

export function ready(app: FastifyInstance, services: ApiServices): void {
  app.get("/ready", async (_request, reply) => {
    const { state } = services.store.status()
    if (state === "ready") return { status: "ready" }
    send(reply, httpProblem(503, `The store is ${state}; ask again later.`))
    return reply
  })
}
