/** `GET /v1/journal?after=&limit=`: one page of committed facts in their order; `after` is the sequence of the last one seen. */
import * as z from "zod"
import type { JournalRecord } from "../../catalog/record.ts"
import { allowedJournal } from "../access/allowed-facts.ts"
import { clientSignal } from "../client-signal.ts"
import { whole } from "../query.ts"
import { route } from "../route.ts"
import { journalPage } from "../schemas/service.ts"

export interface JournalPage {
  records: JournalRecord[]
}

export const journal = route({
  method: "GET",
  path: "/v1/journal",
  operation: "getJournal",
  tag: "events",
  summary: "One page of committed facts in their order.",
  policy: { scope: "read", on: "kept" },
  query: z.strictObject({ after: whole(0).default(0), limit: whole(1, 1_000).default(100) }),
  answers: { 200: { is: "The page.", schema: journalPage } },
  async handle({ services, access, reply, query }): Promise<JournalPage> {
    return { records: await allowedJournal(services.store, access, query, clientSignal(reply.raw)) }
  },
})
