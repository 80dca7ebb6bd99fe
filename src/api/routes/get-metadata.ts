/** `GET /v1/metadata/{idOrKey}`: the record of an object or blob with every copy's state. Its ETag is of the record, and changes with it. */
import { hash } from "node:crypto"
import { ownFacts } from "../access/own-facts.ts"
import { isNotModified, requireAsExpected } from "../condition.ts"
import { route } from "../route.ts"
import { metadata } from "../schemas/object.ts"
import { requireMetadata } from "../serve-blob.ts"

export const getMetadata = route({
  method: "GET",
  path: "/v1/metadata/{idOrKey}",
  operation: "getMetadata",
  tag: "objects",
  summary: "The record of an object or blob, with every copy's state.",
  policy: { scope: "read", on: "name" },
  headers: {
    "if-none-match": "ETags of records that the reader has (304)",
    "if-match": "those that it must have (412)",
  },
  answers: {
    200: { is: "The record.", schema: metadata, headers: { etag: "of the record, not of the bytes" } },
    304: { is: "The reader has it already." },
  },
  async handle({ services, access, request, reply, name }) {
    const record = JSON.stringify(ownFacts(access, await requireMetadata(services, name)))
    const tag = hash("sha256", record, "base64url")
    // It has no time of its own: one copy more is not seen by the second.
    const validators = { tags: [tag], written: null }
    reply.headers({ etag: `"${tag}"`, "cache-control": "private, no-cache" })
    requireAsExpected(request.headers, validators)
    if (isNotModified(request.headers, validators)) return reply.code(304).send()
    return reply.header("content-type", "application/json; charset=utf-8").send(record)
  },
})
