/** What the routes are given: the store, a logger, the limits. Routes are functions of these, nothing hangs on the Fastify instance. */
import type { FastifyBaseLogger } from "fastify"
import type { Store } from "../store/store.ts"
import type { ApiLimits } from "./limits.ts"

export interface ApiServices {
  /** asked anew for each request: it throws CLOSED while the store is starting */
  readonly store: Store
  log: FastifyBaseLogger
  limits: ApiLimits
}
