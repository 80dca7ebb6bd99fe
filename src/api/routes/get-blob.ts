/** `GET` and `HEAD /v1/blobs/{id}`: content by its id or any known checksum (`md5:…`). Such a name can never mean other bytes. */
import { isBlobId, requireChecksumReference } from "../../core/blob-id.ts"
import { NotFoundError } from "../../core/error.ts"
import type { Metadata } from "../../core/metadata.ts"
import { readableName } from "../access/allowed-reference.ts"
import { type Call, type Route, route } from "../route.ts"
import { describeBlob, READ_ANSWERS, READ_HEADERS, readQuery, type ServeOptions, serveBlob } from "../serve-blob.ts"

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
  handle: async (call) => serveBlob(call, ...(await servedAs(call))),
})

export const headBlob = route({
  ...shared,
  method: "HEAD",
  operation: "headBlob",
  summary: "The headers of such bytes.",
  answers: { 200: { is: "What GET would say." }, 304: { is: "The reader has it already." } },
  handle: async (call) => describeBlob(call, ...(await servedAs(call))),
})

/**
 * For whoever may touch a part of the keys, an own key of that content, as long as it names it: the headers would tell the name, type and time of somebody else's.
 * @throws StoredError INVALID_INPUT, NOT_FOUND
 */
async function servedAs({
  services: { store },
  access,
  name,
}: Pick<Call<unknown, unknown>, "services" | "access" | "name">): Promise<[name: string, options: ServeOptions]> {
  const reference = blobReference(name)
  const options = { immutable: isBlobId(reference) }
  if (access.prefixes === null) return [reference, options]
  const key = readableName(store, access, reference)
  const meant = (await store.stat(reference))?.id
  const check = ({ id }: Metadata): void => {
    if (id !== meant) throw new NotFoundError(`There is no "${reference}" here.`)
  }
  return [key, { ...options, check }]
}

/** @throws StoredError INVALID_INPUT */
export function blobReference(name: string): string {
  const { algorithm, hex } = requireChecksumReference(name)
  return `${algorithm}:${hex}`
}
