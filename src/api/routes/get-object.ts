/** `GET` and `HEAD /v1/objects/{key}`: the bytes, whole or one range, or only their headers. */
import { parseKey } from "../../core/key.ts"
import { type Route, route } from "../route.ts"
import { describeBlob, READ_ANSWERS, READ_HEADERS, readQuery, serveBlob } from "../serve-blob.ts"

const OPTIONS = { immutable: false }
const shared = {
  path: "/v1/objects/{key}",
  tag: "objects",
  policy: { scope: "read", on: "key" },
  query: readQuery,
  headers: READ_HEADERS,
} as const satisfies Partial<Route>

export const getObject = route({
  ...shared,
  method: "GET",
  operation: "getObject",
  summary: "The bytes of an object, whole or one range.",
  description:
    "Whole reads are hashed on the way: a connection that ends well has carried the right bytes, one that would carry wrong ones is cut.",
  answers: READ_ANSWERS,
  handle: (call) => serveBlob(call, parseKey(call.name), OPTIONS),
})

export const headObject = route({
  ...shared,
  method: "HEAD",
  operation: "headObject",
  summary: "The headers of an object.",
  answers: { 200: { is: "What GET would say." }, 304: { is: "The reader has it already." } },
  handle: (call) => describeBlob(call, parseKey(call.name), OPTIONS),
})
