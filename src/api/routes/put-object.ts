/** `PUT /v1/objects/{key}` stores the body under a key; `POST /v1/objects` under a key made from its checksum. */
import { parseKey } from "../../core/key.ts"
import { PUT_HEADERS } from "../put-headers.ts"
import { receive } from "../receive.ts"
import { route } from "../route.ts"
import { putResult } from "../schemas/object.ts"

const answers = {
  200: { is: "It replaced what was there.", schema: putResult, headers: { etag: "the id in quotes" } },
  201: { is: "The key is new.", schema: putResult, headers: { etag: "the id in quotes" } },
  202: { is: "Safe on the server's disk; the copies that were asked for are not proven yet.", schema: putResult },
}

export const putObject = route({
  method: "PUT",
  path: "/v1/objects/{key}",
  operation: "putObject",
  tag: "objects",
  summary: "Stores the body under a key.",
  description:
    "Answered once the bytes and their record are safe on the server's disk; copies travel in the background.",
  policy: { scope: "write", on: "key" },
  headers: PUT_HEADERS,
  takesBytes: true,
  answers,
  handle: (call) => receive(call, parseKey(call.name)),
})

export const postObject = route({
  method: "POST",
  path: "/v1/objects",
  operation: "postObject",
  tag: "objects",
  summary: "Stores the body under a key made from its checksum.",
  description: "Putting the same again answers 200 with the same key.",
  policy: { scope: "write", on: "named" },
  headers: PUT_HEADERS,
  takesBytes: true,
  answers,
  handle: (call) => receive(call, null),
})
