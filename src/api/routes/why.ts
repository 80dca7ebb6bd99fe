/** `GET /v1/why/{idOrKey}?depth=&all=`: the whole life of an object, or of what was one: journal, copies, jobs, and what it waits for. */
import * as z from "zod"
import { allowedWhy } from "../access/allowed-why.ts"
import { clientSignal } from "../client-signal.ts"
import { flag, whole } from "../query.ts"
import { route } from "../route.ts"
import { why as schema } from "../schemas/why.ts"

const query = z.strictObject({
  depth: whole(1).optional().describe("journal records that are looked at, from its end; 20,000 unless said"),
  all: flag.optional().describe("look at all of them"),
})

export const why = route({
  method: "GET",
  path: "/v1/why/{idOrKey}",
  operation: "whyObject",
  tag: "jobs",
  summary: "The life of an object: what it is, its journal records, its copies and jobs, and what it waits for.",
  policy: { scope: "read", on: "name" },
  query,
  answers: { 200: { is: "Its life.", schema } },
  async handle({ services, access, reply, name, query: { depth, all } }) {
    const signal = clientSignal(reply.raw)
    const told = await services.store.why(name, {
      ...(depth !== undefined && { depth }),
      ...(all !== undefined && { all }),
      signal,
    })
    return allowedWhy(access, told)
  },
})
