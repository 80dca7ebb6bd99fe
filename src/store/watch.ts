/** Turns a backend's hints of change into `watch` events (A24), leaving out the echo of our own writes. Hints only; scans are the truth. */
import type { WatchEventType } from "../backends/backend.ts"
import { toStoredError } from "../core/error.ts"
import { isSameState } from "../core/seen-state.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import type { StoreServices } from "./services.ts"

/** Begins to watch where the configuration asks for it and the driver can. Failing to is logged, not fatal. */
export function watchBackend(services: StoreServices, registered: RegisteredBackend): void {
  if (registered.config.watch !== true || !registered.backend.capabilities.watch) return
  const { signal } = registered.watching
  const begin = async (): Promise<void> => {
    const backend = await services.backends.opened(registered.name)
    await backend.watch?.((event) => void hint(services, registered, event), { signal })
  }
  begin().catch((error: unknown) => {
    services.log.warn(
      { backend: registered.name, error: toStoredError(error).toJSON() },
      "the backend cannot be watched",
    )
  })
}

async function hint(
  services: StoreServices,
  registered: RegisteredBackend,
  event: { type: WatchEventType; key: string },
): Promise<void> {
  try {
    if (await isOwn(services, registered, event)) return
    services.scans.hint(registered.name, event.key)
    services.bus.publish("watch", null, services.clock.now(), {
      type: event.type,
      key: event.key,
      backend: registered.name,
    })
  } catch (error) {
    services.log.warn(
      { backend: registered.name, key: event.key, error: toStoredError(error).toJSON() },
      "a change could not be looked at",
    )
  }
}

/**
 * A change that leaves the location as the catalog knows it, or that one of our own jobs is making right now. The end of a file that the
 * catalog does not know cannot be told from our own delete, and counts as that.
 */
async function isOwn(services: StoreServices, registered: RegisteredBackend, event: { key: string }): Promise<boolean> {
  if (services.runner.isSyncing(registered.name, event.key)) return true
  const seen = await registered.backend.stat(event.key, { signal: registered.watching.signal })
  const location = services.catalog.location(registered.name, event.key)
  if (!seen) return !location || location.want === null
  return location?.seen ? isSameState(location.seen, seen) : false
}
