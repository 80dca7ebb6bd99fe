/** `status`, `getBackend`: what there is, and what waits. */
import { syncQueue } from "../../queues/job.ts"
import type { StoreServices } from "./services.ts"
import type { BackendInfo, StoreStatus } from "./store.ts"

export function status(services: StoreServices): StoreStatus {
  const { catalog, staging, runner, lifecycle } = services
  const counters = catalog.counters()
  return {
    state: lifecycle.state,
    objects: counters.objects,
    blobs: counters.blobs,
    bytes: counters.bytes,
    staging: staging.stats(),
    backends: services.backends.names().map((name) => backendInfo(services, name)),
    queues: catalog.queues().map((queue) => ({ ...queue, running: runner.running(queue.queue) })),
    syncsCompleted: counters.syncsCompleted,
    syncsFailed: counters.syncsFailed,
    lastSequence: catalog.lastSequence(),
  }
}

/** @throws StoredError UNKNOWN_BACKEND */
export function backendInfo(services: StoreServices, name: string): BackendInfo {
  const registered = services.backends.get(name)
  const queue = services.catalog.queues().find((entry) => entry.queue === syncQueue(name))
  return {
    name,
    driver: registered.driver,
    config: registered.config,
    capabilities: registered.backend.capabilities,
    isDefault: services.backends.defaults().includes(name),
    state: registered.fault ? "unavailable" : "open",
    breaker: services.runner.breakerOf(name),
    pending: queue?.due ?? 0,
    failed: queue?.parked ?? 0,
  }
}
