/**
 * `GET /v1/cache`: how full staging is. `POST /v1/cache/evict` with `{"what": …}`: a pattern of ids, `"oldest"`, `"oversized"`, `"all"` or
 * `{"bytes": n}`. `POST /v1/cache/clear?force=`: all that may go. Both answer `{ evicted, bytes }`.
 */
import type { FastifyInstance } from "fastify"
import * as z from "zod"
import type { EvictTarget } from "../../staging/staging.ts"
import { flag, parseQuery } from "../query.ts"
import type { ApiServices } from "../services.ts"
import { smallBody } from "../small-body.ts"

const targetSchema = z.union(
  [z.string(), z.strictObject({ pattern: z.string() }), z.strictObject({ bytes: z.int().min(0) })],
  'expected a pattern such as "sha256:ab*", "oldest", "oversized", "all" or {"bytes": n}',
)
const evictSchema = z.strictObject({ what: targetSchema })
const clearSchema = z.strictObject({ force: flag.optional() })

export function cache(app: FastifyInstance, services: ApiServices): void {
  app.get("/v1/cache", async () => services.store.cache.stats())
  app.post("/v1/cache/evict", async (request, reply) => {
    const { what } = await smallBody(request, reply, services.limits, evictSchema)
    return services.store.cache.evict(what satisfies EvictTarget | string)
  })
  app.post("/v1/cache/clear", async (request) => {
    const { force } = parseQuery(clearSchema, request.query)
    return services.store.cache.clear(force === undefined ? {} : { force })
  })
}
