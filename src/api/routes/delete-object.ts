/**
 * `DELETE /v1/objects/{key}` and `/v1/blobs/{id}`: gone at once, the copies in the background; the answer says which are gone already and which wait.
 * `?backend=a,b` takes only those copies away.
 */
import { parseKey } from "../../core/key.ts"
import { DELETE_HEADERS, remove, removeQuery } from "../remove.ts"
import { route } from "../route.ts"
import { deleteResult } from "../schemas/object.ts"
import { blobReference } from "./get-blob.ts"

const answers = { 200: { is: "It is gone; what became of its copies.", schema: deleteResult } }

export const deleteObject = route({
  method: "DELETE",
  path: "/v1/objects/{key}",
  operation: "deleteObject",
  tag: "objects",
  summary: "Deletes an object, or some of its copies.",
  policy: { scope: "write", on: "key" },
  query: removeQuery,
  headers: DELETE_HEADERS,
  answers,
  handle: (call) => remove(call, parseKey(call.name)),
})

export const deleteBlob = route({
  method: "DELETE",
  path: "/v1/blobs/{id}",
  operation: "deleteBlob",
  tag: "blobs",
  summary: "Deletes every object that names these bytes.",
  policy: { scope: "write", on: "blob" },
  query: removeQuery,
  headers: DELETE_HEADERS,
  answers,
  handle: (call) => remove(call, blobReference(call.name)),
})
