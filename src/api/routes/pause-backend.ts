/** `POST /v1/backends/{name}/pause`, and `…/resume`: jobs of that backend wait, or go on. Said twice, it is as said once; the answer is the backend. */
import type { FastifyInstance } from "fastify"
import { pathName } from "../path-name.ts"
import type { ApiServices } from "../services.ts"

export function pauseBackend(app: FastifyInstance, services: ApiServices): void {
  for (const verb of ["pause", "resume"] as const) {
    app.post(`/v1/backends/:name/${verb}`, async (request) => {
      const name = pathName(request.raw.url ?? "", "/v1/backends/").slice(0, -`/${verb}`.length)
      const { store } = services
      const options = { requestId: request.id }
      return verb === "pause" ? store.pauseBackend(name, options) : store.resumeBackend(name, options)
    })
  }
}
