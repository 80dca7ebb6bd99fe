/**
 * `GET /v1/cache`: how full staging is. `POST /v1/cache/evict` with `{"what": …}`: a pattern of ids, `"oldest"`, `"oversized"`, `"all"` or
 * `{"bytes": n}`. `POST /v1/cache/clear?force=`: all that may go. Both answer `{ evicted, bytes }`.
 */
import * as z from "zod"
import type { EvictTarget } from "../../staging/staging.ts"
import { actorOf } from "../access/actor.ts"
import { flag } from "../query.ts"
import { route } from "../route.ts"
import { evicted, stagingStats } from "../schemas/service.ts"

const targetSchema = z.union(
  [z.string(), z.strictObject({ pattern: z.string() }), z.strictObject({ bytes: z.int().min(0) })],
  'expected a pattern such as "sha256:ab*", "oldest", "oversized", "all" or {"bytes": n}',
)

export const getCache = route({
  method: "GET",
  path: "/v1/cache",
  operation: "getCache",
  tag: "cache",
  summary: "How full staging is.",
  policy: { scope: "read", on: "whole" },
  answers: { 200: { is: "What lies there.", schema: stagingStats } },
  handle: ({ services }) => services.store.cache.stats(),
})

export const evictCache = route({
  method: "POST",
  path: "/v1/cache/evict",
  operation: "evictCache",
  tag: "cache",
  summary: "Drops staged bytes that backends hold.",
  policy: { scope: "admin", on: "whole" },
  body: z.strictObject({ what: targetSchema }),
  answers: { 200: { is: "How many went.", schema: evicted } },
  async handle({ services, access, request, body }) {
    const { what } = await body()
    return services.store.cache.evict(what satisfies EvictTarget | string, actorOf({ access, request }))
  },
})

export const clearCache = route({
  method: "POST",
  path: "/v1/cache/clear",
  operation: "clearCache",
  tag: "cache",
  summary: "Drops all staged bytes that may go.",
  policy: { scope: "admin", on: "whole" },
  query: z.strictObject({ force: flag.optional().describe("without a look at the copies") }),
  answers: { 200: { is: "How many went.", schema: evicted } },
  handle: ({ services, access, request, query: { force } }) =>
    services.store.cache.clear({ ...(force !== undefined && { force }), ...actorOf({ access, request }) }),
})
