/** `GET` and `HEAD /v1/blobs/{id}`: content by its id or any known checksum (`md5:…`). Such a name can never mean other bytes. */
import type { FastifyInstance, FastifyRequest } from "fastify"
import { isBlobId, requireChecksumReference } from "../../core/blob-id.ts"
import { pathName } from "../path-name.ts"
import { describeBlob, serveBlob } from "../serve-blob.ts"
import type { ApiServices } from "../services.ts"

export function getBlob(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/blobs/*", (request, reply) => {
    const id = blobReference(request)
    return serveBlob(services, request, reply, id, { immutable: isBlobId(id) })
  })
  app.head("/v1/blobs/*", (request, reply) => {
    const id = blobReference(request)
    return describeBlob(services, request, reply, id, { immutable: isBlobId(id) })
  })
}

/** @throws StoredError INVALID_INPUT, INVALID_KEY */
export function blobReference(request: FastifyRequest): string {
  const { algorithm, hex } = requireChecksumReference(pathName(request.raw.url ?? "", "/v1/blobs/"))
  return `${algorithm}:${hex}`
}
