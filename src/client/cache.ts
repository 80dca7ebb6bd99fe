/** The staging area of a server. */

import type { EvictTarget, StagingStats } from "../staging/staging.ts"
import { checkOptions } from "../store/check-options.ts"
import { evictTarget } from "../store/evict-target.ts"
import { LONG } from "./deadline.ts"
import type { Link } from "./link.ts"
import { jsonBody } from "./send-body.ts"

type Evicted = { evicted: number; bytes: number }

export function cacheStats(link: Link): Promise<StagingStats> {
  return link.json<StagingStats>({ path: "/v1/cache" })
}

/** The backends are asked first what they hold, which takes as long as there is something to ask for. */
export async function evict(link: Link, what: EvictTarget | string): Promise<Evicted> {
  return link.json<Evicted>({
    method: "POST",
    path: "/v1/cache/evict",
    body: jsonBody({ what: evictTarget(what) }),
    deadline: Math.max(link.timeout, LONG),
  })
}

export async function clear(link: Link, options: { force?: boolean } = {}): Promise<Evicted> {
  checkOptions("clear", options)
  return link.json<Evicted>({
    method: "POST",
    path: "/v1/cache/clear",
    query: { force: options.force?.toString() },
    deadline: Math.max(link.timeout, LONG),
  })
}
