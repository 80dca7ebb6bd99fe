/** The metrics of a store: what they look at, and what they hear of. */
import type { Bus } from "../bus.ts"
import type { Clock } from "../core/clock.ts"
import { type StoreFacts, StoreMetrics } from "../metrics/store-metrics.ts"
import type { StoreServices } from "../store/services.ts"
import { status } from "../store/status.ts"

/** @param services asked when somebody looks */
export function storeMetrics(
  services: () => StoreServices,
  { bus, clock }: { bus: Pick<Bus, "on">; clock: Clock },
): StoreMetrics {
  const metrics = new StoreMetrics(() => factsOf(services()), clock)
  bus.on("put", ({ size }) => metrics.bytes("in", size))
  bus.on("found", ({ backend, added }) => metrics.drifted(backend, "new", added))
  bus.on("change", ({ backend }) => metrics.drifted(backend, "changed"))
  bus.on("move", ({ backend }) => metrics.drifted(backend, "moved"))
  bus.on("drift", ({ backend, state }) => metrics.drifted(backend, state))
  return metrics
}

/** The status of the store, and of scans what a person is shown elsewhere. */
function factsOf(services: StoreServices): StoreFacts {
  const facts = status(services)
  const backends = facts.backends.map((backend) => ({
    ...backend,
    scan: backend.scan && { ...backend.scan, lookBytes: services.catalog.scan(backend.name).lookBytes },
  }))
  return { ...facts, backends }
}
