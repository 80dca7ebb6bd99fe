/** `synced`: waits until copies are proven. Woken by events, decided by the catalog. */
import type { LocationRecord, ObjectRecord } from "../catalog/record.ts"
import { abortError, ConflictError, NotFoundError, StoredError, throwIfAborted } from "../core/error.ts"
import type { StoreEvent } from "../core/event.ts"
import type { Metadata } from "../core/metadata.ts"
import { describe } from "./metadata.ts"
import { isSynced, locationsOf, MOST_LOCATIONS, resolve, type Target } from "./reference.ts"
import type { StoreServices } from "./services.ts"
import type { SyncedOptions } from "./store.ts"

/** @throws StoredError NOT_FOUND, UNKNOWN_BACKEND, INVALID_INPUT, the error of a parked copy, ABORTED, CLOSED */
export async function synced(services: StoreServices, idOrKey: string, options: SyncedOptions = {}): Promise<Metadata> {
  for (const name of options.backends ?? []) services.backends.get(name)
  for (;;) {
    services.lifecycle.requireOpen()
    throwIfAborted(options.signal)
    const target = resolve(services.catalog, idOrKey)
    if (!target) throw new NotFoundError(`There is no object "${idOrKey}".`, { details: { reference: idOrKey } })
    if (isEnough(services, target, options)) return describe(services, target)
    await nextChange(services, target, options.signal)
  }
}

/**
 * Waits for the copies of one committed version. @throws StoredError CONFLICT where it was replaced or deleted before they were proven: the put
 * was committed all the same
 */
export async function versionSynced(
  services: StoreServices,
  object: ObjectRecord,
  options: SyncedOptions,
): Promise<void> {
  for (;;) {
    services.lifecycle.requireOpen()
    throwIfAborted(options.signal)
    const target = resolve(services.catalog, object.key)
    if (target?.object?.version !== object.version) {
      throw new ConflictError(
        `"${object.key}" was committed as version ${object.version}, and replaced or deleted before its copies were proven.`,
        { details: { key: object.key, version: object.version } },
      )
    }
    if (isEnough(services, target, options)) return
    await nextChange(services, target, options.signal)
  }
}

/** Where a blob stands under more keys than are looked at, it is judged by its counts. */
function isEnough(services: StoreServices, target: Target, options: SyncedOptions): boolean {
  const { blob } = target
  const isMany = !target.object && !options.backends && blob.wanted > MOST_LOCATIONS
  if (isMany) return blob.synced >= (options.copies ?? blob.wanted)
  const locations = asked(target, locationsOf(services.catalog, target), options)
  const needed = options.copies ?? locations.length
  if (needed > locations.length) {
    throw new StoredError("INVALID_INPUT", `${needed} copies are asked for, but only ${locations.length} are wanted.`)
  }
  if (locations.filter(isSynced).length >= needed) return true
  const parked = locations.filter((location) => location.state === "failed")
  if (locations.length - parked.length >= needed) return false
  throw failure(parked[0]!)
}

function asked(target: Target, locations: LocationRecord[], options: SyncedOptions): LocationRecord[] {
  const chosen = options.backends
    ? locations.filter((location) => options.backends?.includes(location.backend))
    : locations
  const missing = options.backends?.find((name) => !chosen.some((location) => location.backend === name))
  if (missing === undefined && chosen.length > 0) return chosen
  const name = target.object?.key ?? target.blob.id
  throw new StoredError(
    "INVALID_INPUT",
    `No copy of "${name}" is wanted ${missing ? `on backend "${missing}"` : "on any backend"}.`,
  )
}

function failure(location: LocationRecord): StoredError {
  const { backend, key, error } = location
  return new StoredError(
    error?.code ?? "BACKEND_UNAVAILABLE",
    `The copy on backend "${backend}" was given up: ${error?.message ?? "unknown fault"}`,
    {
      details: { ...error?.details, backend, key },
    },
  )
}

/** Resolves when something about the target may have changed. @throws the reason of `signal`, CLOSED */
export function nextChange(services: StoreServices, target: Target, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const ends = [signal, services.lifecycle.signal].filter((end) => end !== undefined)
    const settle = (finish: () => void): void => {
      stop()
      for (const end of ends) end.removeEventListener("abort", abort)
      finish()
    }
    const abort = (): void => settle(() => reject(abortError(ends.find((end) => end.aborted))))
    const stop = services.bus.onAny((event) => {
      if (concerns(event, target)) settle(resolve)
    })
    for (const end of ends) end.addEventListener("abort", abort, { once: true })
    if (ends.some((end) => end.aborted)) abort()
  })
}

function concerns(event: StoreEvent, target: Target): boolean {
  // What was to be on a removed backend is wanted no more.
  if (event.type === "backend:remove") return true
  if (!("key" in event.data) || event.type === "watch") return false
  // A blob changes with every key that comes to name it or leaves it; the event of an overwrite carries the other blob's id.
  return !target.object || event.data.key === target.object.key
}
