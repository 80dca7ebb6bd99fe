/** `GET /v1/objects?prefix=&backend=&limit=&cursor=`: one page in key order, and the cursor of the next or null. `after=` begins behind a key instead. With `format=ndjson` all of them, an object a line. */
import type { FastifyRequest } from "fastify"
import * as z from "zod"
import { authorise } from "../../core/access.ts"
import { StoredError } from "../../core/error.ts"
import type { ListedObject, ListOptions } from "../../store/store.ts"
import { allowedObjects } from "../access/allowed-objects.ts"
import { clientSignal } from "../client-signal.ts"
import { readCursor, writeCursor } from "../cursor.ts"
import { whole } from "../query.ts"
import { route } from "../route.ts"
import { listedObject, objectPage } from "../schemas/object.ts"
import { NDJSON, sendLines } from "../send-lines.ts"

const MOST_OF_A_PAGE = 1_000

const query = z.strictObject({
  prefix: z.string().optional(),
  backend: z.string().optional().describe("only objects that should have a copy there"),
  limit: whole(1).optional().describe("of a page at most 1,000, 100 unless said; of a stream as many as there are"),
  cursor: z.string().optional().describe("of the page before"),
  after: z.string().optional().describe("only keys behind this one"),
  format: z
    .enum(["json", "ndjson"])
    .optional()
    .describe("ndjson: all of them, an object a line; so does Accept: application/x-ndjson"),
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
  headers: { accept: "application/x-ndjson: all of them, an object a line" },
  answers: {
    200: {
      is: "The page, and the cursor of the next; or all of them, an object a line, and an empty line now and then.",
      schema: objectPage,
      lines: listedObject,
    },
  },
  async handle({
    services,
    access,
    request,
    reply,
    query: { prefix, backend, limit, cursor, after, format },
    closing,
  }) {
    const place = {
      ...(prefix !== undefined && { prefix }),
      ...(backend !== undefined && { backend }),
      ...(after !== undefined && { after }),
      ...(cursor !== undefined && { after: readCursor(cursor) }),
      signal: clientSignal(reply.raw),
    }
    if (backend !== undefined) authorise(access, { scope: "read", backends: [backend] })
    const { limits } = services
    const list = (options: ListOptions) => allowedObjects(services.store, access, options)
    if (format === "ndjson" || (format === undefined && asksForLines(request))) {
      const signal = AbortSignal.any([place.signal, closing])
      const all = list({ ...place, ...(limit !== undefined && { limit }), signal })
      return sendLines(reply, all, { ...limits, signal })
    }
    return pageOf(list, place, pageSize(limit))
  },
})

async function pageOf(
  list: (options: ListOptions) => AsyncIterable<ListedObject>,
  place: ListOptions,
  limit: number,
): Promise<ObjectPage> {
  const objects: ListedObject[] = []
  // One more than asked for tells whether there is a next page.
  for await (const object of list({ ...place, limit: limit + 1 })) objects.push(object)
  const page = objects.slice(0, limit)
  return { objects: page, cursor: objects.length > limit ? writeCursor(page.at(-1)!.key) : null }
}

/** @throws StoredError INVALID_INPUT */
function pageSize(limit = 100): number {
  if (limit <= MOST_OF_A_PAGE) return limit
  throw new StoredError(
    "INVALID_INPUT",
    `Invalid query: limit: a page has at most ${MOST_OF_A_PAGE}; ask for more by format=ndjson.`,
  )
}

function asksForLines({ headers }: FastifyRequest): boolean {
  return (headers.accept ?? "").split(",").some((kind) => kind.trim().split(";")[0] === NDJSON)
}
