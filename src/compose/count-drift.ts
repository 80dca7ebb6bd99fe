/** Counts what was found at backends and is not as the catalog says, by the events that tell of it. */
import type { Bus } from "../bus.ts"
import type { StoreMetrics } from "../metrics/store-metrics.ts"

export function countDrift(bus: Pick<Bus, "on">, metrics: Pick<StoreMetrics, "drifted">): void {
  bus.on("found", ({ backend, added }) => metrics.drifted(backend, "new", added))
  bus.on("change", ({ backend }) => metrics.drifted(backend, "changed"))
  bus.on("move", ({ backend }) => metrics.drifted(backend, "moved"))
  bus.on("drift", ({ backend, state }) => metrics.drifted(backend, state))
}
