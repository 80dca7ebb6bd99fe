/** A store that is open, alone or with what else is served beside it. */
import type { Store } from "../store/store.ts"
import type { InternalServices } from "./internal-services.ts"
import type { MetricsSource } from "./routes/metrics.ts"
import type { BoardAdapters } from "./routes/queues.ts"

export interface Served {
  store: Store
  /** null where the store does all its work itself */
  internal: InternalServices | null
  metrics: MetricsSource
  /** null where the store does all its work itself */
  board: (() => BoardAdapters) | null
}

export type Opened = Store | Served

export function storeOf(opened: Opened): Store {
  return "store" in opened ? opened.store : opened
}

/** Null where a store is served alone. */
export function servedOf(opened: Opened): Served | null {
  return "store" in opened ? opened : null
}
