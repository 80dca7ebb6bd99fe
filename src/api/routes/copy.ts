/** `POST /v1/copy` and `/v1/move` with `{ from, to, … }`: another key for an object, too or instead; with `{ pairs }` for many, each by itself. */
import type { FastifyReply } from "fastify"
import * as z from "zod"
import { authorise } from "../../core/access.ts"
import { parseKey } from "../../core/key.ts"
import type { CopyPair } from "../../store/store.ts"
import { putterOf } from "../access/actor.ts"
import { backendsToWrite, requireOwnCopies } from "../access/allowed-backends.ts"
import { clientSignal } from "../client-signal.ts"
import { ONCE_HEADERS, onceOptions } from "../idempotency.ts"
import { auditedEach } from "../one-of-many.ts"
import { answerPut } from "../receive.ts"
import { type Call, route } from "../route.ts"
import { copiedEntry, putResult } from "../schemas/object.ts"
import { sendLines } from "../send-lines.ts"

const pair = z.strictObject({
  from: z.string(),
  to: z.string(),
  backends: z.array(z.string()).exactOptional().describe("where copies should be; absent: where those of `from` are"),
  metadata: z.record(z.string(), z.json()).exactOptional().describe("absent: that of `from`"),
  mimeType: z.string().exactOptional(),
  ifAbsent: z.boolean().exactOptional().describe("`to` must not exist"),
  ifVersion: z.int().exactOptional().describe("the version that `to` must have, 0 for none"),
  ifFromVersion: z.int().exactOptional().describe("the version that `from` must have"),
})
const list = z.strictObject({ pairs: z.array(pair).describe("at most 1,000, each by itself") })
const body = z.union([pair, list], { error: faultsOf })
/** Pairs of keys of the greatest length, and what JSON makes of them. */
const MOST_BYTES = 8 * 2 ** 20

const answers = {
  200: {
    is: "`to` was replaced; or, of `pairs`, what became of each, in their order, a line as it is done, and an empty line now and then.",
    schema: putResult,
    lines: copiedEntry,
  },
  201: { is: "`to` is new.", schema: putResult },
}

/** What is wrong with the one that was meant: the words of both would hide it. */
function faultsOf(issue: z.core.$ZodRawIssue): string {
  const { input, errors = [] } = issue as { input?: unknown; errors?: z.core.$ZodIssue[][] }
  const isList = typeof input === "object" && input !== null && "pairs" in input
  const faults = errors[isList ? 1 : 0] ?? []
  return faults.map(({ path, message }) => [...path, message].join(": ")).join("; ") || "give { from, to } or { pairs }"
}

type CopyCall = Call<unknown, z.output<typeof body>>

async function serve(call: CopyCall, verb: "copy" | "move"): Promise<FastifyReply> {
  const given = await call.body()
  return "pairs" in given ? serveList(call, verb, given.pairs) : servePair(call, verb, given)
}

async function servePair(call: CopyCall, verb: "copy" | "move", given: CopyPair): Promise<FastifyReply> {
  const { services, request, reply } = call
  const { from, to, ...options } = await allowed(call, verb, given)
  const result = await services.store[verb](from, to, {
    ...options,
    ...onceOptions(request, reply),
    ...putterOf(call),
    signal: clientSignal(reply.raw),
  })
  return answerPut(call.access, reply, result)
}

function serveList(call: CopyCall, verb: "copy" | "move", pairs: CopyPair[]): FastifyReply {
  const { services, request, reply, closing } = call
  const { idempotencyKey } = onceOptions(request, reply)
  const signal = AbortSignal.any([clientSignal(reply.raw), closing])
  const entries = services.store[verb === "copy" ? "copyMany" : "moveMany"](pairs, {
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...putterOf(call),
    beforeEach: (given) => auditedEach(call, () => allowed(call, verb, given)),
    signal,
  })
  return sendLines(reply, entries, { ...services.limits, signal })
}

/** The pair as its caller may have it done. @throws StoredError FORBIDDEN, INVALID_KEY */
async function allowed(
  { services: { store }, access }: CopyCall,
  verb: "copy" | "move",
  given: CopyPair,
): Promise<CopyPair> {
  const { backends: named, ...pair } = given
  const [source, target] = [parseKey(pair.from), parseKey(pair.to)]
  authorise(access, { scope: "read", keys: [source] })
  authorise(access, { scope: "write", keys: verb === "move" ? [source, target] : [target] })
  if (verb === "move") await requireOwnCopies(store, access, pair.from)
  await requireOwnCopies(store, access, pair.to)
  const backends = backendsToWrite(store, access, named)
  return { ...pair, ...(backends && { backends }) }
}

export const copyObject = route({
  method: "POST",
  path: "/v1/copy",
  operation: "copyObject",
  tag: "objects",
  summary: "Gives an object another key too, or many.",
  description:
    "The same bytes, type and metadata unless told otherwise. Bytes that lie only at a backend are fetched first.",
  policy: { scope: "write", on: "named" },
  headers: ONCE_HEADERS,
  body,
  most: MOST_BYTES,
  answers,
  handle: (call) => serve(call, "copy"),
})

export const moveObject = route({
  method: "POST",
  path: "/v1/move",
  operation: "moveObject",
  tag: "objects",
  summary: "Gives an object another key instead, in one transaction, or many, each in one.",
  policy: { scope: "write", on: "named" },
  headers: ONCE_HEADERS,
  body,
  most: MOST_BYTES,
  answers,
  handle: (call) => serve(call, "move"),
})
