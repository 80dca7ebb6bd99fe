/** `GET` and `HEAD /v1/objects/{key}`: the bytes, whole or one range, or only their headers. */
import type { FastifyInstance } from "fastify"
import { parseKey } from "../../core/key.ts"
import { pathName } from "../path-name.ts"
import { describeBlob, serveBlob } from "../serve-blob.ts"
import type { ApiServices } from "../services.ts"

const OPTIONS = { immutable: false }

export function getObject(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/objects/*", (request, reply) => {
    const key = parseKey(pathName(request.raw.url ?? "", "/v1/objects/"))
    return serveBlob(services, request, reply, key, OPTIONS)
  })
  app.head("/v1/objects/*", (request, reply) => {
    const key = parseKey(pathName(request.raw.url ?? "", "/v1/objects/"))
    return describeBlob(services, request, reply, key, OPTIONS)
  })
}
