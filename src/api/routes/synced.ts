/**
 * `GET /v1/synced/{idOrKey}?backends=&copies=&wait=`: 200 with the record once the copies are proven; 202 with the record as it is where `wait` ms
 * (30,000 unless said, at most 60,000) are over before: ask again.
 */
import type { FastifyInstance } from "fastify"
import * as z from "zod"
import { clientSignal } from "../client-signal.ts"
import { closingSignal } from "../closing-signal.ts"
import { longPoll, waitParameter } from "../long-poll.ts"
import { pathName } from "../path-name.ts"
import { parseNames } from "../put-headers.ts"
import { parseQuery, whole } from "../query.ts"
import { requireMetadata } from "../serve-blob.ts"
import type { ApiServices } from "../services.ts"

const querySchema = z.strictObject({
  backends: z.string().optional(),
  copies: whole(1).optional(),
  wait: waitParameter,
})

export function synced(app: FastifyInstance, services: ApiServices): void {
  const closing = closingSignal(app)
  app.get("/v1/synced/*", async (request, reply) => {
    const { backends, copies, wait } = parseQuery(querySchema, request.query)
    const name = pathName(request.raw.url ?? "", "/v1/synced/")
    const proven = await longPoll(wait, [clientSignal(reply.raw), closing], (signal) =>
      services.store.synced(name, {
        ...(backends !== undefined && { backends: parseNames(backends) }),
        ...(copies !== undefined && { copies }),
        signal,
      }),
    )
    if (proven) return proven
    reply.code(202)
    return requireMetadata(services, name)
  })
}
