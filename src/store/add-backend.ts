/** `addBackend` (A10): checked, opened, kept in the catalog, and in use from the next put on. */
import { syncQueue } from "../../queues/job.ts"
import { StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import { parseBackendName } from "../core/key.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import { storableBackend } from "./configuration.ts"
import { isPaused } from "./is-paused.ts"
import type { StoreServices } from "./services.ts"
import { backendInfo } from "./status.ts"
import type { BackendInfo } from "./store.ts"
import { watchBackend } from "./watch.ts"

export type BackendMaker = (name: string, config: unknown) => RegisteredBackend

/** @throws StoredError BACKEND_EXISTS, INVALID_INPUT, INVALID_CONFIG, and what opening it throws */
export async function addBackend(
  services: StoreServices,
  make: BackendMaker,
  name: string,
  config: JsonObject,
): Promise<BackendInfo> {
  services.lifecycle.requireOpen()
  parseBackendName(name)
  if (services.backends.has(name) || services.backends.isLeaving(name))
    throw new StoredError(
      "BACKEND_EXISTS",
      `There is a backend "${name}" already; remove it first or choose another name.`,
    )
  const registered = make(name, config)
  services.backends.add(registered)
  try {
    await services.backends.opened(name)
    const kept = storableBackend(config, services.config.data)
    await services.catalog.commitBackend(
      { name, driver: registered.driver, config: kept, created: services.clock.now() },
      {},
    )
  } catch (error) {
    await services.backends.remove(name)
    throw error
  }
  enlist(services, registered)
  services.bus.publish("backend:add", services.catalog.lastSequence(), services.clock.now(), {
    backend: name,
    driver: registered.driver,
  })
  return backendInfo(services, name)
}

/** Its jobs begin, unless it was paused and has not been resumed since. */
export function workOn({ catalog, runner }: StoreServices, { name, concurrency, rateLimit }: RegisteredBackend): void {
  runner.addBackend(name, { concurrency, rateLimit, paused: isPaused(catalog, name) })
}

/** Gives a registered backend its queue and, where asked for, its watch. */
export function enlist(services: StoreServices, registered: RegisteredBackend): void {
  workOn(services, registered)
  services.runner.nudge(syncQueue(registered.name))
  watchBackend(services, registered)
}
