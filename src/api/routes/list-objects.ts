/** `GET /v1/objects?prefix=&backend=&limit=&cursor=`: one page in key order, and the cursor of the next or null. `after=` begins behind a key instead. */
import * as z from "zod"
import type { ListedObject } from "../../store/store.ts"
import { clientSignal } from "../client-signal.ts"
import { readCursor, writeCursor } from "../cursor.ts"
import { whole } from "../query.ts"
import { route } from "../route.ts"
import { objectPage } from "../schemas/object.ts"

const query = z.strictObject({
  prefix: z.string().optional(),
  backend: z.string().optional().describe("only objects that should have a copy there"),
  limit: whole(1, 1000).default(100),
  cursor: z.string().optional().describe("of the page before"),
  after: z.string().optional().describe("only keys behind this one"),
})

export type ObjectPage = z.output<typeof objectPage>

export const listObjects = route({
  method: "GET",
  path: "/v1/objects",
  operation: "listObjects",
  tag: "objects",
  summary: "One page of objects in the order of their keys.",
  policy: { scope: "read", on: "named" },
  query,
  answers: { 200: { is: "The page, and the cursor of the next.", schema: objectPage } },
  async handle({ services, reply, query: { prefix, backend, limit, cursor, after } }): Promise<ObjectPage> {
    const objects: ListedObject[] = []
    const listing = services.store.list({
      ...(prefix !== undefined && { prefix }),
      ...(backend !== undefined && { backend }),
      ...(after !== undefined && { after }),
      ...(cursor !== undefined && { after: readCursor(cursor) }),
      // One more than asked for tells whether there is a next page.
      limit: limit + 1,
      signal: clientSignal(reply.raw),
    })
    for await (const object of listing) objects.push(object)
    const page = objects.slice(0, limit)
    return { objects: page, cursor: objects.length > limit ? writeCursor(page.at(-1)!.key) : null }
  },
})
