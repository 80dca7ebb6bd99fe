/** `GET /v1/failed?backend=&after=&limit=`: one page of the jobs that were given up, each with its error; `after` is the last one's sequence. */
import type { FastifyInstance } from "fastify"
import * as z from "zod"
import type { OutboxRecord } from "../../catalog/record.ts"
import { parseQuery, whole } from "../query.ts"
import type { ApiServices } from "../services.ts"

const querySchema = z.strictObject({
  backend: z.string().optional(),
  after: whole(0).default(0),
  limit: whole(1, 1_000).default(100),
})

export interface FailedPage {
  jobs: OutboxRecord[]
}

export function failed(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/failed", async (request): Promise<FailedPage> => {
    const { backend, ...page } = parseQuery(querySchema, request.query)
    return { jobs: [...services.store.failed({ ...page, ...(backend !== undefined && { backend }) })] }
  })
}
