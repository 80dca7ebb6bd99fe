/** Turns a backend's hints of change into `watch` events (A24), leaving out the echo of our own writes. Hints only; scans are the truth. */
import { setTimeout as sleep } from "node:timers/promises"
import type { WatchEventType } from "../backends/backend.ts"
import { type StoredError, toStoredError } from "../core/error.ts"
import { isSameState } from "../core/seen-state.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import { CatchingUp } from "./catching-up.ts"
import { ignoring } from "./scan/patterns.ts"
import type { StoreServices } from "./services.ts"

/** ms before a watch that failed is begun anew, doubled each time */
const FIRST_DELAY = 1_000
const MOST_DELAY = 600_000

/** Watches where the configuration asks for it and the driver can, until `watching` fires. A watch that fails is told by `watch`, and begun anew. */
export function watchBackend(services: StoreServices, registered: RegisteredBackend): void {
  if (registered.config.watch !== true || !registered.backend.capabilities.watch) return
  registered.watch.now = { state: "beginning", error: null, since: services.clock.now() }
  void follow(services, registered)
}

async function follow(services: StoreServices, registered: RegisteredBackend): Promise<void> {
  const { name, watching } = registered
  const { signal } = watching
  let delay = FIRST_DELAY
  for (let isFirst = true; ; isFirst = false) {
    const began = performance.now()
    const error = await watchOnce(services, registered, isFirst)
    if (signal.aborted) return
    // One that ran for long has begun well; what came then is another matter.
    if (performance.now() - began > MOST_DELAY) delay = FIRST_DELAY
    registered.watch.now = {
      ...registered.watch.now,
      state: "failed",
      error: error.toJSON(),
      since: services.clock.now(),
    }
    services.log.warn(
      { backend: name, error: error.toJSON(), delay },
      "the backend is not watched; it will be tried again",
    )
    await sleep(delay, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    delay = Math.min(delay * 2, MOST_DELAY)
  }
}

/** Why it watches no more. */
async function watchOnce(
  services: StoreServices,
  registered: RegisteredBackend,
  isFirst: boolean,
): Promise<StoredError> {
  const { name, watching } = registered
  const ended = Promise.withResolvers<StoredError>()
  const attempt = new AbortController()
  const signal = AbortSignal.any([watching.signal, attempt.signal])
  signal.addEventListener("abort", () => ended.resolve(toStoredError(signal.reason)), { once: true })
  try {
    const backend = await services.backends.opened(name)
    const catchingUp = new CatchingUp(services, name, signal)
    await backend.watch?.((event) => void hint(services, registered, event), {
      signal,
      onEnd: ended.resolve,
      onMiss: (error) => {
        services.log.warn({ backend: name, error: error.toJSON() }, "hints may have been lost; a scan looks for them")
        if (registered.watch.now) registered.watch.now = { ...registered.watch.now, missed: services.clock.now() }
        catchingUp.ask()
      },
      passesOver: ignoring(services.scans.rules(registered).ignore),
    })
    registered.watch.now = { ...registered.watch.now, state: "running", error: null, since: services.clock.now() }
    if (!isFirst) catchingUp.ask()
    return await ended.promise
  } catch (error) {
    return toStoredError(error)
  } finally {
    attempt.abort()
  }
}

async function hint(
  services: StoreServices,
  registered: RegisteredBackend,
  event: { type: WatchEventType; key: string },
): Promise<void> {
  try {
    if (services.scans.isPassedOver(registered.name, event.key)) return
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
