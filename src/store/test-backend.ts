/** `testBackend`: whether a backend answers now, with the settings and secrets that it has; or, with `accept`, at a place that is another one than before. */
import { syncQueue } from "../../queues/job.ts"
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
  backends.get(name)
  await probe(services, name, () => (accept ? backends.accept(name) : backends.opened(name)))
  if (accept) {
    const record = catalog.backends().find((each) => each.name === name)
    if (record) await catalog.commitBackend({ ...record, created: clock.now() }, actor)
    // What has waited for its place need not wait any longer.
    runner.nudge(syncQueue(name))
  }
  return backendInfo(services, name)
}
