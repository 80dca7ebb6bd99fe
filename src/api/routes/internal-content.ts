/**
 * `GET /internal/content/{id}?size=&backend=&key=`: the bytes of a blob for a job, whole or one range, from wherever a good copy is, but not from the
 * location that the job is about (`backend`, `key`). The bytes of an id never change, so that a download that broke goes on with `Range: bytes=N-`.
 */
import * as z from "zod"
import { type BlobId, isBlobId } from "../../core/blob-id.ts"
import { StoredError, throwIfAborted } from "../../core/error.ts"
import { parseRange } from "../byte-range.ts"
import { clientSignal } from "../client-signal.ts"
import { route } from "../route.ts"
import { cutSlowReader } from "../slow-reader.ts"

const query = z
  .strictObject({
    size: z
      .string()
      .regex(/^\d{1,15}$/, "expected the size of the blob in bytes")
      .transform(Number),
    backend: z.string().min(1).optional(),
    key: z.string().min(1).optional(),
  })
  .refine(({ backend, key }) => (backend === undefined) === (key === undefined), "give both backend and key, or none")

export const internalContent = route({
  method: "GET",
  path: "/internal/content/{id}",
  operation: "getWorkerContent",
  tag: "internal",
  summary: "The bytes of a blob for a job.",
  policy: { scope: "worker", on: "whole" },
  query,
  headers: { range: "one range of bytes" },
  answers: {
    200: { is: "The whole.", type: "application/octet-stream" },
    206: { is: "One range.", type: "application/octet-stream" },
  },
  async handle({ services, name, request, reply, query: { size, backend, key } }) {
    const id = requireBlobId(name)
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
  },
})

/** @throws StoredError INVALID_INPUT */
export function requireBlobId(name: string): BlobId {
  if (isBlobId(name)) return name
  throw new StoredError("INVALID_INPUT", "The path ends in no blob id; write it as <algorithm>:<hex>.")
}

function otherSize(id: BlobId, size: number): StoredError {
  return new StoredError("SIZE_MISMATCH", `${id} does not have ${size} bytes.`, { details: { declared: size } })
}
