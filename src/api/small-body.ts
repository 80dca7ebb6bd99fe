/** The JSON body of a request of a person: a few settings, never more than a little. None at all is `undefined` to the schema. */
import type { FastifyReply, FastifyRequest } from "fastify"
import type * as z from "zod"
import { clientSignal } from "./client-signal.ts"
import { readJson } from "./json-body.ts"
import type { ApiLimits } from "./limits.ts"
import { parseAs } from "./query.ts"
import { declaredSize } from "./upload-body.ts"

const MOST_BYTES = 64 * 1024

/** @throws StoredError INVALID_INPUT, TOO_LARGE, SOURCE_FAILED, ABORTED */
export async function smallBody<Schema extends z.ZodType>(
  request: FastifyRequest,
  reply: FastifyReply,
  limits: ApiLimits,
  schema: Schema,
): Promise<z.output<Schema>> {
  const bounds = { ...limits, maxBlobSize: MOST_BYTES }
  if (declaredSize(request.raw, bounds) === 0) return parseAs("body", schema, undefined)
  return readJson(request.raw, schema, bounds, clientSignal(reply.raw))
}
