/**
 * `testBackend`: whether a backend answers now, with the settings and secrets that it has, and what it can do now; or, with `accept`, at a place that is another one
 * than before.
 */
import { syncQueue } from "../../queues/job.ts"
import { changedAbilities, keepAbilities } from "./keep-abilities.ts"
import { probe } from "./probe-backend.ts"
import type { StoreServices } from "./services.ts"
import { backendInfo } from "./status.ts"
import type { BackendInfo, TestBackendOptions } from "./store.ts"

/** @throws StoredError UNKNOWN_BACKEND, TIMEOUT, and why it does not answer */
export async function testBackend(
  services: StoreServices,
  name: string,
  { accept = false, ...actor }: TestBackendOptions = {},
): Promise<BackendInfo> {
  const { backends, catalog, clock, runner } = services
  const { backend } = backends.get(name)
  const before = backend.abilities
  await probe(services, name, () => (accept ? backends.accept(name) : backends.opened(name)))
  const { abilities } = backend
  if (abilities) await keepAbilities(services, name, abilities)
  if (accept) {
    const record = catalog.backends().find((each) => each.name === name)
    if (record) await catalog.commitBackend({ ...record, created: clock.now() }, actor)
    // What has waited for its place need not wait any longer.
    runner.nudge(syncQueue(name))
  }
  const changed = before && abilities && changedAbilities(before, abilities)
  return { ...backendInfo(services, name), ...(changed && { changed }) }
}
