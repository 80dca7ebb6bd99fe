/** `PUT /v1/objects/{key}`: stores the body under a key. 201 with the record where the key is new, 200 where it replaced,
 * 202 where copies were asked for and are not proven in time. */
import type { FastifyInstance } from "fastify"
import { parseKey } from "../../core/key.ts"
import { pathName } from "../path-name.ts"
import { receive } from "../receive.ts"
import type { ApiServices } from "../services.ts"

export function putObject(app: FastifyInstance, services: ApiServices): void {
  app.put("/v1/objects/*", (request, reply) =>
    receive(services, request, reply, parseKey(pathName(request.raw.url ?? "", "/v1/objects/"))),
  )
}
