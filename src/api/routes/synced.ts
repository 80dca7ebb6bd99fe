/**
 * `GET /v1/synced/{idOrKey}?backends=&copies=&wait=`: 200 with the record once the copies are proven; 202 with the record as it is where `wait` ms
 * (30,000 unless said, at most 60,000) are over before: ask again.
 */
import * as z from "zod"
import { ownFacts } from "../access/own-facts.ts"
import { clientSignal } from "../client-signal.ts"
import { longPoll, waitParameter } from "../long-poll.ts"
import { parseNames } from "../put-headers.ts"
import { whole } from "../query.ts"
import { route } from "../route.ts"
import { metadata } from "../schemas/object.ts"
import { requireMetadata } from "../serve-blob.ts"

const query = z.strictObject({
  backends: z.string().optional().describe("only these, with commas between them"),
  copies: whole(1).optional().describe("enough when so many are proven"),
  wait: waitParameter,
})

export const synced = route({
  method: "GET",
  path: "/v1/synced/{idOrKey}",
  operation: "waitSynced",
  tag: "objects",
  summary: "Waits until copies are proven.",
  policy: { scope: "read", on: "name" },
  query,
  answers: {
    200: { is: "They are.", schema: metadata },
    202: { is: "The wait is over before; ask again.", schema: metadata },
  },
  async handle({ services, access, name, reply, query: { backends, copies, wait }, closing }) {
    const proven = await longPoll(wait, [clientSignal(reply.raw), closing], (signal) =>
      services.store.synced(name, {
        ...(backends !== undefined && { backends: parseNames(backends) }),
        ...(copies !== undefined && { copies }),
        signal,
      }),
    )
    if (proven) return ownFacts(access, proven)
    reply.code(202)
    return ownFacts(access, await requireMetadata(services, name))
  },
})
