/**
 * `GET /internal/content/{id}?size=&backend=&key=`: the bytes of a blob for a job, whole or one range, from wherever a good copy is, but not from the
 * location that the job is about (`backend`, `key`). The bytes of an id never change, so that a download that broke goes on with `Range: bytes=N-`.
 */
import type { FastifyInstance, FastifyRequest } from "fastify"
import * as z from "zod"
import { type BlobId, isBlobId } from "../../core/blob-id.ts"
import { StoredError, throwIfAborted } from "../../core/error.ts"
import { parseRange } from "../byte-range.ts"
import { clientSignal } from "../client-signal.ts"
import { pathName } from "../path-name.ts"
import { parseQuery } from "../query.ts"
import { cutSlowReader } from "../slow-reader.ts"
import type { InternalRouteServices } from "./internal.ts"

const querySchema = z
  .strictObject({
    size: z
      .string()
      .regex(/^\d{1,15}$/, "expected the size of the blob in bytes")
      .transform(Number),
    backend: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
  })
  .refine(({ backend, key }) => (backend === undefined) === (key === undefined), "give both backend and key, or none")

export function internalContent(app: FastifyInstance, services: InternalRouteServices): void {
  app.get("/internal/content/*", async (request, reply) => {
    const id = blobIdOf(request, "/internal/content/")
    const { size, backend, key } = parseQuery(querySchema, request.query)
    const signal = clientSignal(reply.raw)
    const range = parseRange(request.headers.range, size)
    const except = backend !== undefined && key !== undefined ? { backend, key } : undefined
    const source = await services.internal.content(id, size, signal, except)
    throwIfAborted(signal)
    if (source.size !== size) throw otherSize(id, size)
    const { start, end } = range ?? { start: 0, end: size }
    reply.headers({
      "content-type": "application/octet-stream",
      "content-length": String(end - start),
      "accept-ranges": "bytes",
      "cache-control": "no-store",
    })
    if (range) reply.code(206).header("content-range", `bytes ${start}-${end - 1}/${size}`)
    cutSlowReader(reply.raw, services.limits.idleTimeout)
    return reply.send(source.read({ start, end }))
  })
}

/** @throws StoredError INVALID_INPUT, INVALID_KEY (bad percent-encoding) */
export function blobIdOf(request: FastifyRequest, prefix: string): BlobId {
  const id = pathName(request.raw.url ?? "", prefix)
  if (isBlobId(id)) return id
  throw new StoredError("INVALID_INPUT", "The path ends in no blob id; write it as <algorithm>:<hex>.")
}

function otherSize(id: BlobId, size: number): StoredError {
  return new StoredError("SIZE_MISMATCH", `${id} does not have ${size} bytes.`, { details: { declared: size } })
}
