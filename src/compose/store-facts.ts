/** What the metrics look at: the status of the store, and of scans what a person is shown elsewhere. */
import type { StoreFacts } from "../metrics/store-metrics.ts"
import type { StoreServices } from "../store/services.ts"
import { status } from "../store/status.ts"

export function storeFacts(services: StoreServices): StoreFacts {
  const facts = status(services)
  const backends = facts.backends.map((backend) => ({
    ...backend,
    scan: backend.scan && { ...backend.scan, lookBytes: services.catalog.scan(backend.name).lookBytes },
  }))
  return { ...facts, backends }
}
