/**
 * `removeBackend` (A11): forgets a backend and what was to be there. Its bytes stay where they are. Refused where it holds the only copy of
 * something (R11): every other copy that is counted on is looked at, live, before anything is forgotten.
 */
import type { LocationRecord } from "../catalog/record.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import { isAlive } from "./delete.ts"
import { everyRow } from "./every-row.ts"
import { locationsOf } from "./reference.ts"
import type { StoreServices } from "./services.ts"

const NAMED_IN_ERROR = 20
const STOP_DEADLINE = 5_000

/** @throws StoredError UNKNOWN_BACKEND, LAST_COPY (`details.count`, `details.keys` has the first 20), ABORTED */
export async function removeBackend(
  services: StoreServices,
  name: string,
  options: { force?: boolean; signal?: AbortSignal } = {},
): Promise<void> {
  services.lifecycle.requireOpen()
  const registered = services.backends.get(name)
  if (services.backends.isLeaving(name))
    throw new StoredError("CONFLICT", `Backend "${name}" is being removed already.`)
  services.backends.leave(name)
  try {
    await services.runner.removeBackend(name, STOP_DEADLINE)
    await requireRemovable(services, registered, options)
    await services.backends.remove(name)
    for (let done = false; !done; ) {
      const step = await services.catalog.commitBackendRemoval(name, { limit: 1_000, time: services.clock.now() })
      done = step.done
    }
  } finally {
    services.backends.settleLeaving(name)
  }
  services.bus.publish("backend:remove", services.catalog.lastSequence(), services.clock.now(), { backend: name })
}

/** Where it may not go, it goes on working. */
async function requireRemovable(
  services: StoreServices,
  { name, concurrency }: RegisteredBackend,
  options: { force?: boolean; signal?: AbortSignal },
): Promise<void> {
  try {
    if (!options.force) await requireOtherCopies(services, name, options.signal)
  } catch (error) {
    if (services.lifecycle.state !== "closing") services.runner.addBackend(name, concurrency)
    throw error
  }
}

async function requireOtherCopies(
  services: StoreServices,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const keys: string[] = []
  let count = 0
  for (const location of everyRow(
    (page) => services.catalog.locations(name, page),
    (row: LocationRecord) => row.key,
  )) {
    throwIfAborted(signal)
    if (await hasOtherCopy(services, location)) continue
    count += 1
    if (keys.length < NAMED_IN_ERROR) keys.push(location.objectKey)
  }
  if (count === 0) return
  throw new StoredError(
    "LAST_COPY",
    `Backend "${name}" holds the only copy of ${count} objects, ${keys[0]} among them; copy them elsewhere first, or force it.`,
    {
      details: { backend: name, count, keys },
    },
  )
}

/** Another backend is to have the object, and either has it, seen now, or will get it from staging. */
async function hasOtherCopy(services: StoreServices, location: LocationRecord): Promise<boolean> {
  if (location.want === null) return true
  const object = services.catalog.object(location.objectKey)
  const blob = services.catalog.blob(location.want)
  if (!object || !blob) return true
  for (const other of locationsOf(services.catalog, { blob, object })) {
    // Two removals at once must not count on each other's copies.
    if (other.backend === location.backend || services.backends.isLeaving(other.backend)) continue
    if (blob.staged || (await isAlive(services, other, blob.size))) return true
  }
  return false
}
