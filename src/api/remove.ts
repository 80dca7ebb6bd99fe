/** One removal, of an object or of a blob by id: query and condition checked, then `store.delete`. */
import type { FastifyReply, FastifyRequest } from "fastify"
import * as z from "zod"
import { MAX_WAIT } from "../core/config.ts"
import type { DeleteResult } from "../store/store.ts"
import { clientSignal } from "./client-signal.ts"
import { writeCondition } from "./condition.ts"
import { parseNames } from "./put-headers.ts"
import { flag, parseQuery, whole } from "./query.ts"
import type { ApiServices } from "./services.ts"

const querySchema = z.strictObject({
  /** only these copies, with commas between them */
  backend: z.string().optional(),
  /** with `backend`: where no other copy would be left, the object goes */
  force: flag.optional(),
  /** ms to wait for copies to be gone before answering */
  wait: whole(0, MAX_WAIT).optional(),
})

/** @throws StoredError NOT_FOUND, CONFLICT, LAST_COPY, UNKNOWN_BACKEND, … */
export async function remove(
  { store }: Pick<ApiServices, "store">,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
): Promise<DeleteResult> {
  const { backend, force, wait } = parseQuery(querySchema, request.query)
  const { ifVersion } = await writeCondition(request.headers, store, name)
  return store.delete(name, {
    ...(backend !== undefined && { backends: parseNames(backend) }),
    ...(force !== undefined && { force }),
    ...(wait !== undefined && { wait }),
    ...(ifVersion !== undefined && { ifVersion }),
    signal: clientSignal(reply.raw),
    requestId: request.id,
  })
}
