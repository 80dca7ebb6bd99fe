/** `GET` and `HEAD /v1/blobs/{id}`: content by its id or any known checksum (`md5:…`). Such a name can never mean other bytes. */
import { isBlobId, requireChecksumReference } from "../../core/blob-id.ts"
import { type Route, route } from "../route.ts"
import { describeBlob, READ_ANSWERS, READ_HEADERS, readQuery, serveBlob } from "../serve-blob.ts"

const shared = {
  path: "/v1/blobs/{id}",
  tag: "blobs",
  policy: { scope: "read", on: "blob" },
  query: readQuery,
  headers: READ_HEADERS,
} as const satisfies Partial<Route>

export const getBlob = route({
  ...shared,
  method: "GET",
  operation: "getBlob",
  summary: "Bytes by their id or any known checksum.",
  answers: READ_ANSWERS,
  handle: (call) => {
    const id = blobReference(call.name)
    return serveBlob(call, id, { immutable: isBlobId(id) })
  },
})

export const headBlob = route({
  ...shared,
  method: "HEAD",
  operation: "headBlob",
  summary: "The headers of such bytes.",
  answers: { 200: { is: "What GET would say." }, 304: { is: "The reader has it already." } },
  handle: (call) => {
    const id = blobReference(call.name)
    return describeBlob(call, id, { immutable: isBlobId(id) })
  },
})

/** @throws StoredError INVALID_INPUT */
export function blobReference(name: string): string {
  const { algorithm, hex } = requireChecksumReference(name)
  return `${algorithm}:${hex}`
}
