/**
 * `GET /v1/archive?prefix=photos/&format=zip|tar|tar.gz&compress=&name=&fallback=` and `POST /v1/archive` with `{ keys | prefix, … }`: many objects as one
 * file, one after the other as it is read.
 */
import type { FastifyInstance } from "fastify"
import { archiveBody, archiveQuery, describeArchive, MOST_BODY, serveArchive } from "../archive.ts"
import { clientSignal } from "../client-signal.ts"
import { readJson } from "../json-body.ts"
import { parseQuery } from "../query.ts"
import type { ApiServices } from "../services.ts"

export function archive(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/archive", (request, reply) => serveArchive(services, reply, parseQuery(archiveQuery, request.query)))
  app.head("/v1/archive", (request, reply) => describeArchive(services, reply, parseQuery(archiveQuery, request.query)))
  app.post("/v1/archive", async (request, reply) => {
    const bounds = { ...services.limits, maxBlobSize: MOST_BODY }
    const wanted = await readJson(request.raw, archiveBody, bounds, clientSignal(reply.raw))
    return serveArchive(services, reply, wanted)
  })
}
