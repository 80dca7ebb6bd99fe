/** `POST /v1/retry` with nothing, or with `{"backend": …, "key": …}`: puts jobs that were given up back to work, and says how many. */
import type { FastifyInstance } from "fastify"
import * as z from "zod"
import type { ApiServices } from "../services.ts"
import { smallBody } from "../small-body.ts"

const bodySchema = z.strictObject({ backend: z.string().optional(), key: z.string().optional() }).default({})

export function retry(app: FastifyInstance, services: ApiServices): void {
  app.post("/v1/retry", async (request, reply) => {
    const { backend, key } = await smallBody(request, reply, services.limits, bodySchema)
    const retried = await services.store.retry({
      ...(backend !== undefined && { backend }),
      ...(key !== undefined && { key }),
    })
    return { retried }
  })
}
