/** What the routes are given: the store, a logger, the limits. Routes are functions of these, nothing hangs on the Fastify instance. */
import type { FastifyBaseLogger } from "fastify"
import type { Store } from "../store/store.ts"
import type { Audit } from "./access/audit.ts"
import type { Gatekeeper } from "./access/gatekeeper.ts"
import type { Holds } from "./access/holds.ts"
import type { InternalServices } from "./internal-services.ts"
import type { ApiLimits } from "./limits.ts"
import type { MetricsSource } from "./routes/metrics.ts"

export interface ApiServices {
  /** asked anew for each request: it throws CLOSED while the store is starting */
  readonly store: Store
  /** likewise; its routes are there only where there is something to serve to workers */
  readonly internal: InternalServices
  /** likewise */
  readonly metrics: MetricsSource
  log: FastifyBaseLogger
  limits: ApiLimits
  /** for routes that are open, and look themselves at who comes */
  keeper: Gatekeeper
  audit: Audit
  holds: Holds
}
