/** `status`, `getBackend`: what there is, and what waits. */
import { syncQueue } from "../../queues/job.ts"
import type { SeenWorker } from "../../queues/roster.ts"
import { isPaused } from "./is-paused.ts"
import type { StoreServices } from "./services.ts"
import type { BackendInfo, StoreStatus, WorkerStatus } from "./store.ts"
import { briefly } from "./validate/briefly.ts"
import { STAGING } from "./validate/validations.ts"

export function status(services: StoreServices): StoreStatus {
  const { catalog, staging, lifecycle, pool } = services
  const counters = catalog.counters()
  return {
    state: lifecycle.state,
    objects: counters.objects,
    blobs: counters.blobs,
    bytes: counters.bytes,
    staging: staging.stats(),
    ...stagingValidate(services),
    backends: services.backends.names().map((name) => backendInfo(services, name)),
    queues: queuesOf(services),
    workers: pool?.workers().map(workerInfo) ?? [],
    redis: pool && (pool.isConnected ? "ok" : "away"),
    syncsCompleted: counters.syncsCompleted,
    syncsFailed: counters.syncsFailed,
    lastSequence: catalog.lastSequence(),
  }
}

/** Those of the outbox, and the one that lies in Redis alone. */
function queuesOf({ catalog, runner, pool }: StoreServices): StoreStatus["queues"] {
  const own = catalog.queues().map((queue) => ({ ...queue, running: runner.running(queue.queue) }))
  const ingest = pool?.ingest() ?? null
  return ingest ? [...own, ingest] : own
}

/** No more than is promised: what a worker says about itself may grow. */
function workerInfo({ id, host, pid, kinds, backends, running, seen, alive }: SeenWorker): WorkerStatus {
  return { id, host, pid, kinds, backends, running, seen, alive }
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
    abilities: registered.backend.abilities ?? null,
    state: registered.fault ? "unavailable" : "open",
    error: registered.fault?.toJSON() ?? null,
    breaker: services.runner.breakerOf(name),
    paused: isPaused(services.catalog, name),
    rateLimit: registered.rateLimit,
    pending: queue?.due ?? 0,
    failed: queue?.parked ?? 0,
    scan: scanOf(services, name),
    ...(registered.watch.now && { watch: registered.watch.now }),
    ...validateOf(services, name),
  }
}

function stagingValidate(services: StoreServices): Pick<StoreStatus, "stagingValidate"> {
  const { validate } = services.backends.has(STAGING) ? {} : validateOf(services, STAGING)
  return validate ? { stagingValidate: validate } : {}
}

function validateOf({ validations }: StoreServices, name: string): Pick<BackendInfo, "validate"> {
  const validate = briefly(validations.status(name))
  return validate ? { validate } : {}
}

function scanOf({ scans }: StoreServices, name: string): BackendInfo["scan"] {
  const { number, state, files, looks, knownAsOf, changing, waits } = scans.status(name)
  if (number === 0) return null
  return { state, files, looks, knownAsOf, ...(changing > 0 && { changing }), ...(waits && { waits }) }
}
