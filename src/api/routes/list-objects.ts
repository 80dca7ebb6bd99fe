/** `GET /v1/objects?prefix=&backend=&limit=&cursor=`: one page in key order, and the cursor of the next or null. `after=` begins behind a key instead. */
import type { FastifyInstance } from "fastify"
import * as z from "zod"
import type { ListedObject } from "../../store/store.ts"
import { clientSignal } from "../client-signal.ts"
import { readCursor, writeCursor } from "../cursor.ts"
import { parseQuery } from "../query.ts"
import type { ApiServices } from "../services.ts"

const querySchema = z.strictObject({
  prefix: z.string().optional(),
  backend: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().optional(),
  after: z.string().optional(),
})

export interface ObjectPage {
  objects: ListedObject[]
  cursor: string | null
}

export function listObjects(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/objects", async (request, reply): Promise<ObjectPage> => {
    const { prefix, backend, limit, cursor, after } = parseQuery(querySchema, request.query)
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
  })
}
