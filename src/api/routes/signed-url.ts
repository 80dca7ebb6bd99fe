/**
 * `POST /v1/signed-urls` with `{ name, method, expires, … }` signs an address; `DELETE /v1/signed-urls` makes all of them worthless. `GET`, `HEAD`, `PUT /v1/signed/{idOrKey}?…&signature=` are
 * the addresses themselves: they need no token.
 */
import type { FastifyInstance } from "fastify"
import type { SignedUrlOptions } from "../../store/store.ts"
import type { ApiServices } from "../services.ts"
import { describeSigned, receiveSigned, SIGNED_PATH, serveSigned, signedUrlBody } from "../signed.ts"
import { smallBody } from "../small-body.ts"

export function signedUrl(app: FastifyInstance, services: ApiServices): void {
  app.post("/v1/signed-urls", async (request, reply) => {
    const { name, ...options } = await smallBody(request, reply, services.limits, signedUrlBody)
    return services.store.signedUrl(name, options as SignedUrlOptions)
  })
  app.delete("/v1/signed-urls", async (request, reply) => {
    await services.store.revokeSignedUrls({ requestId: request.id })
    return reply.code(204).send()
  })
  app.get(`${SIGNED_PATH}*`, (request, reply) => serveSigned(services, request, reply))
  app.head(`${SIGNED_PATH}*`, (request, reply) => describeSigned(services, request, reply))
  app.put(`${SIGNED_PATH}*`, (request, reply) => receiveSigned(services, request, reply))
}
