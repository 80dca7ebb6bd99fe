/** `POST /v1/delete` with `{ keys }`: many objects at once, each by itself. */
import * as z from "zod"
import { authorise } from "../../core/access.ts"
import { actorOf } from "../access/actor.ts"
import { requireOwnCopies } from "../access/allowed-backends.ts"
import { clientSignal } from "../client-signal.ts"
import { ONCE_HEADERS, onceOptions } from "../idempotency.ts"
import { auditedEach } from "../one-of-many.ts"
import { route } from "../route.ts"
import { blobId, serializedError } from "../schemas/pieces.ts"

export const deleteObjects = route({
  method: "POST",
  path: "/v1/delete",
  operation: "deleteObjects",
  tag: "objects",
  summary: "Deletes up to 1,000 objects by their keys, each by itself.",
  description:
    "One that the token does not reach, or that is not there, is told of with the others, and holds up none of them.",
  policy: { scope: "write", on: "named" },
  headers: ONCE_HEADERS,
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
    const { services, request, reply, access } = call
    const { keys } = await call.body()
    const requireOwn = async (key: string): Promise<void> => {
      authorise(access, { scope: "write", keys: [key] })
      await requireOwnCopies(services.store, access, key)
    }
    const results = await services.store.deleteMany(keys, {
      ...onceOptions(request, reply),
      ...actorOf(call),
      beforeEach: (key) => auditedEach(call, () => requireOwn(key)),
      signal: clientSignal(reply.raw),
    })
    return { results }
  },
})
