/** `GET /v1/metadata/{idOrKey}`: the record of an object or blob with every copy's state. */
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
  answers: { 200: { is: "The record.", schema: metadata } },
  handle: ({ services, name }) => requireMetadata(services, name),
})
