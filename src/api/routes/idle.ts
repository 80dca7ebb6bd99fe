/** `GET /v1/idle?wait=`: 200 once no job is due or running, 202 where `wait` ms (30,000 unless said, at most 60,000) are over before. */
import type { FastifyInstance } from "fastify"
import * as z from "zod"
import { clientSignal } from "../client-signal.ts"
import { closingSignal } from "../closing-signal.ts"
import { longPoll, waitParameter } from "../long-poll.ts"
import { parseQuery } from "../query.ts"
import type { ApiServices } from "../services.ts"

const querySchema = z.strictObject({ wait: waitParameter })

export function idle(app: FastifyInstance, services: ApiServices): void {
  const closing = closingSignal(app)
  app.get("/v1/idle", async (request, reply) => {
    const { wait } = parseQuery(querySchema, request.query)
    const isIdle = await longPoll(wait, [clientSignal(reply.raw), closing], async (signal) => {
      await services.store.idle({ signal })
      return true
    })
    reply.code(isIdle ? 200 : 202)
    return { idle: isIdle ?? false }
  })
}
