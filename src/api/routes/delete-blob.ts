/** `DELETE /v1/blobs/{id}`: every object that names this content, as `DELETE /v1/objects/{key}` does for one. */
import type { FastifyInstance } from "fastify"
import { remove } from "../remove.ts"
import type { ApiServices } from "../services.ts"
import { blobReference } from "./get-blob.ts"

export function deleteBlob(app: FastifyInstance, services: ApiServices): void {
  app.delete("/v1/blobs/*", (request, reply) => remove(services, request, reply, blobReference(request)))
}
