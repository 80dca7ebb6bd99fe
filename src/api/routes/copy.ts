/** `POST /v1/copy` and `/v1/move` with `{ from, to, … }`: another key for an object, too or instead. `POST /v1/delete` with `{ keys }`: many objects at once. */
import type { FastifyReply } from "fastify"
import * as z from "zod"
import { authorise } from "../../core/access.ts"
import { keyFault, parseKey } from "../../core/key.ts"
import { actorOf, putterOf } from "../access/actor.ts"
import { backendsToWrite, requireOwnCopies } from "../access/allowed-backends.ts"
import { clientSignal } from "../client-signal.ts"
import { ONCE_HEADERS, onceOptions } from "../idempotency.ts"
import { answerPut } from "../receive.ts"
import { type Call, route } from "../route.ts"
import { putResult } from "../schemas/object.ts"
import { blobId, serializedError } from "../schemas/pieces.ts"

const copySchema = z.strictObject({
  from: z.string(),
  to: z.string(),
  backends: z.array(z.string()).exactOptional().describe("where copies should be; absent: where those of `from` are"),
  metadata: z.record(z.string(), z.json()).exactOptional().describe("absent: that of `from`"),
  mimeType: z.string().exactOptional(),
  ifAbsent: z.boolean().exactOptional().describe("`to` must not exist"),
  ifVersion: z.int().exactOptional().describe("the version that `to` must have, 0 for none"),
  ifFromVersion: z.int().exactOptional().describe("the version that `from` must have"),
})
const answers = {
  200: { is: "`to` was replaced.", schema: putResult },
  201: { is: "`to` is new.", schema: putResult },
}

type CopyCall = Call<unknown, z.output<typeof copySchema>>

async function serve(call: CopyCall, verb: "copy" | "move"): Promise<FastifyReply> {
  const { services, request, reply, access } = call
  const { store } = services
  const { from, to, backends, ...options } = await call.body()
  const [source, target] = [parseKey(from), parseKey(to)]
  authorise(access, { scope: "read", keys: [source] })
  authorise(access, { scope: "write", keys: verb === "move" ? [source, target] : [target] })
  if (verb === "move") await requireOwnCopies(store, access, from)
  await requireOwnCopies(store, access, to)
  const chosen = backendsToWrite(store, access, backends)
  const result = await store[verb](from, to, {
    ...options,
    ...(chosen && { backends: chosen }),
    ...onceOptions(request, reply),
    ...putterOf(call),
    signal: clientSignal(reply.raw),
  })
  return answerPut(reply, result)
}

export const copyObject = route({
  method: "POST",
  path: "/v1/copy",
  operation: "copyObject",
  tag: "objects",
  summary: "Gives an object another key too.",
  description:
    "The same bytes, type and metadata unless told otherwise. Bytes that lie only at a backend are fetched first.",
  policy: { scope: "write", on: "named" },
  headers: ONCE_HEADERS,
  body: copySchema,
  answers,
  handle: (call) => serve(call, "copy"),
})

export const moveObject = route({
  method: "POST",
  path: "/v1/move",
  operation: "moveObject",
  tag: "objects",
  summary: "Gives an object another key instead, in one transaction.",
  policy: { scope: "write", on: "named" },
  headers: ONCE_HEADERS,
  body: copySchema,
  answers,
  handle: (call) => serve(call, "move"),
})

export const deleteObjects = route({
  method: "POST",
  path: "/v1/delete",
  operation: "deleteObjects",
  tag: "objects",
  summary: "Deletes up to 1,000 objects by their keys, each by itself.",
  policy: { scope: "write", on: "named" },
  body: z.strictObject({ keys: z.array(z.string()) }),
  // Keys of the greatest length, and what JSON makes of them.
  most: 4 * 2 ** 20,
  answers: {
    200: {
      is: "What became of each, in their order.",
      schema: z.object({
        results: z.array(
          z.union([z.object({ key: z.string(), id: blobId }), z.object({ key: z.string(), error: serializedError })]),
        ),
      }),
    },
  },
  async handle(call) {
    const { services, reply, access } = call
    const { keys } = await call.body()
    // What is no key names nothing that could be touched; it is told of with the others.
    const named = keys.filter((key) => keyFault(key) === null)
    authorise(access, { scope: "write", keys: named })
    for (const key of named) await requireOwnCopies(services.store, access, key)
    return { results: await services.store.deleteMany(keys, { ...actorOf(call), signal: clientSignal(reply.raw) }) }
  },
})
