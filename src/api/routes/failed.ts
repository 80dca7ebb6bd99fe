/** `GET /v1/failed?backend=&after=&limit=`: one page of the jobs that were given up, each with its error; `after` is the last one's sequence. */
import * as z from "zod"
import type { OutboxRecord } from "../../catalog/record.ts"
import { allowedFailures } from "../access/allowed-facts.ts"
import { clientSignal } from "../client-signal.ts"
import { whole } from "../query.ts"
import { route } from "../route.ts"
import { failedPage } from "../schemas/service.ts"

const query = z.strictObject({
  backend: z.string().optional(),
  after: whole(0).default(0),
  limit: whole(1, 1_000).default(100),
})

export interface FailedPage {
  jobs: OutboxRecord[]
}

export const failed = route({
  method: "GET",
  path: "/v1/failed",
  operation: "listFailed",
  tag: "jobs",
  summary: "One page of the jobs that were given up, each with its error.",
  policy: { scope: "read", on: "kept" },
  query,
  answers: { 200: { is: "The page.", schema: failedPage } },
  async handle({ services, access, reply, query: { backend, ...page } }): Promise<FailedPage> {
    const asked = { ...page, ...(backend !== undefined && { backend }) }
    return { jobs: await allowedFailures(services.store, access, asked, clientSignal(reply.raw)) }
  },
})
