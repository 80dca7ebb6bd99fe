/** One removal, of an object or of a blob by id: query and condition checked, then `store.delete`. */
import * as z from "zod"
import { authorise } from "../core/access.ts"
import { MAX_WAIT } from "../core/config.ts"
import type { DeleteResult } from "../store/store.ts"
import { actorOf } from "./access/actor.ts"
import { requireOwnCopies } from "./access/allowed-backends.ts"
import { clientSignal } from "./client-signal.ts"
import { writeCondition } from "./condition.ts"
import { ONCE_HEADERS, onceOptions } from "./idempotency.ts"
import { parseNames } from "./put-headers.ts"
import { flag, whole } from "./query.ts"
import type { Call, HeaderNotes } from "./route.ts"

export const removeQuery = z.strictObject({
  backend: z.string().optional().describe("only these copies, with commas between them"),
  force: flag.optional().describe("with backend: where no other copy would be left, the object goes"),
  wait: whole(0, MAX_WAIT).optional().describe("ms to wait for copies to be gone before answering"),
})

export const DELETE_HEADERS: HeaderNotes = {
  "if-match": "the ETag or version that it must have",
  "x-stored-if-version": "the version that it must have",
  ...ONCE_HEADERS,
}

/** @throws StoredError NOT_FOUND, CONFLICT, LAST_COPY, UNKNOWN_BACKEND, … */
export async function remove(
  { services: { store }, access, request, reply, query }: Call<z.output<typeof removeQuery>, unknown>,
  name: string,
): Promise<DeleteResult> {
  const { backend, force, wait } = query
  const backends = backend === undefined ? undefined : parseNames(backend)
  // What a forced delete leaves out is the look at the other copies: that is for whoever answers for them.
  authorise(access, { scope: force ? "admin" : "write", ...(backends && { backends }) })
  if (backends === undefined) await requireOwnCopies(store, access, name)
  const once = onceOptions(request, reply)
  const actor = actorOf({ access, request })
  const isRepeated = once.idempotencyKey !== undefined && store.isRepeated("delete", { ...once, ...actor })
  const { ifVersion } = isRepeated ? {} : await writeCondition(request.headers, store, name)
  return store.delete(name, {
    ...(backends !== undefined && { backends }),
    ...(force !== undefined && { force }),
    ...(wait !== undefined && { wait }),
    ...(ifVersion !== undefined && { ifVersion }),
    signal: clientSignal(reply.raw),
    ...once,
    ...actor,
  })
}
