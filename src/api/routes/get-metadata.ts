/** `GET /v1/metadata/{idOrKey}`: the record of an object or blob with every copy's state. */
import type { FastifyInstance } from "fastify"
import { pathName } from "../path-name.ts"
import { requireMetadata } from "../serve-blob.ts"
import type { ApiServices } from "../services.ts"

export function getMetadata(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/metadata/*", (request) => requireMetadata(services, pathName(request.raw.url ?? "", "/v1/metadata/")))
}
