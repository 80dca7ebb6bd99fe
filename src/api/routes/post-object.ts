/** `POST /v1/objects`: stores the body under a key made from its checksum. Putting the same again answers 200 with the same key. */
import type { FastifyInstance } from "fastify"
import { receive } from "../receive.ts"
import type { ApiServices } from "../services.ts"

export function postObject(app: FastifyInstance, services: ApiServices): void {
  app.post("/v1/objects", (request, reply) => receive(services, request, reply, null))
}
