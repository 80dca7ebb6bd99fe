/**
 * One upload: headers checked first, then the body to `store.put`, then the record with its place. Shared by PUT (key from the path)
 * and POST (key from the checksum).
 */
import type { IncomingMessage } from "node:http"
import type { FastifyReply } from "fastify"
import type { Access } from "../core/access.ts"
import type { PutResult } from "../core/metadata.ts"
import type { PutOptions } from "../store/store.ts"
import { putterOf } from "./access/actor.ts"
import { backendsToWrite, requireOwnCopies } from "./access/allowed-backends.ts"
import { requireWholeStore } from "./access/allowed-reference.ts"
import { ownFacts } from "./access/own-facts.ts"
import { clientSignal } from "./client-signal.ts"
import { entityTag, writeCondition } from "./condition.ts"
import { onceOptions } from "./idempotency.ts"
import { encodePathName } from "./path-name.ts"
import { putHeaders } from "./put-headers.ts"
import type { Call } from "./route.ts"
import { sha512Check } from "./sha512-check.ts"
import { declaredSize, uploadBody } from "./upload-body.ts"

/** Bodies up to this size are collected first: the store takes bytes in memory with fewer steps than a stream. */
const COLLECTED = 64 * 1024

/** @param key null where the store makes one */
export async function receive(
  { services, access, request, reply }: Pick<Call<unknown, unknown>, "services" | "access" | "request" | "reply">,
  key: string | null,
): Promise<FastifyReply> {
  const { store, limits } = services
  const size = declaredSize(request.raw, limits)
  if (key === null) requireWholeStore(access, "Without a key the object gets one that is made from its content")
  else await requireOwnCopies(store, access, key)
  const asked = putHeaders(request.headers)
  const check = sha512Check(request.headers)
  const once = onceOptions(request, reply)
  const actor = putterOf({ access, request })
  const isRepeated = once.idempotencyKey !== undefined && store.isRepeated("put", { ...once, ...actor })
  const backends = backendsToWrite(store, access, asked.backends)
  const options: PutOptions = {
    ...asked,
    ...(backends !== undefined && { backends }),
    ...(key !== null && { key }),
    ...(size !== undefined && { size }),
    // What was done already is answered as it was, whatever has become of it since.
    ...(isRepeated ? {} : await writeCondition(request.headers, store, key)),
    ...(check && { beforeCommit: () => check.require() }),
    signal: clientSignal(reply.raw),
    ...once,
    ...actor,
  }
  const bytes = size === undefined ? null : arrivedBody(request.raw, size)
  if (bytes) return answerPut(access, reply, await store.put(check?.watch(bytes) ?? bytes, options))
  const body = uploadBody(request.raw, limits)
  try {
    const input = size !== undefined && size <= COLLECTED ? await collect(body) : body
    return answerPut(access, reply, await store.put(check?.watch(input) ?? input, options))
  } finally {
    body.destroy()
  }
}

/** The body where all of it came with the head, as short ones do: no stream, no deadline. Null otherwise. */
function arrivedBody(request: IncomingMessage, size: number): Buffer | null {
  if (!request.complete || request.readableLength !== size) return null
  return size === 0 ? Buffer.alloc(0) : (request.read() as Buffer | null)
}

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of body) chunks.push(chunk)
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

export function answerPut(access: Access, reply: FastifyReply, result: PutResult): FastifyReply {
  return reply
    .code(statusOf(result))
    .header("location", `/v1/objects/${encodePathName(result.key)}`)
    .header("etag", entityTag(result))
    .send(ownFacts(access, result))
}

/** 202: safe here, but the wait for the copies that were asked for ran out. */
function statusOf({ isNew, satisfied }: PutResult): number {
  if (!satisfied) return 202
  return isNew ? 201 : 200
}
