/** `GET /v1/journal?after=&limit=`: one page of committed facts in their order; `after` is the sequence of the last one seen. */
import type { FastifyInstance } from "fastify"
import * as z from "zod"
import type { JournalRecord } from "../../catalog/record.ts"
import { parseQuery, whole } from "../query.ts"
import type { ApiServices } from "../services.ts"

const querySchema = z.strictObject({ after: whole(0).default(0), limit: whole(1, 1_000).default(100) })

export interface JournalPage {
  records: JournalRecord[]
}

export function journal(app: FastifyInstance, services: ApiServices): void {
  app.get(
    "/v1/journal",
    async (request): Promise<JournalPage> => ({
      records: [...services.store.journal(parseQuery(querySchema, request.query))],
    }),
  )
}
