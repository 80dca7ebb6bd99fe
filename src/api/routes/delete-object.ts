/**
 * `DELETE /v1/objects/{key}`: the object is gone at once, its copies in the background; the answer says which are gone already and which
 * wait. `?backend=a,b` takes only those copies away. An object that is not there is 404.
 */
import type { FastifyInstance } from "fastify"
import { parseKey } from "../../core/key.ts"
import { pathName } from "../path-name.ts"
import { remove } from "../remove.ts"
import type { ApiServices } from "../services.ts"

export function deleteObject(app: FastifyInstance, services: ApiServices): void {
  app.delete("/v1/objects/*", (request, reply) =>
    remove(services, request, reply, parseKey(pathName(request.raw.url ?? "", "/v1/objects/"))),
  )
}
