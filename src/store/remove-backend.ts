/**
 * `removeBackend` (A11): forgets a backend and what was to be there. Its bytes stay where they are. Refused where too few
 * copies of something would be left (R11): every other copy that is counted on is looked at, live, before anything is forgotten.
 */
import type { LocationRecord } from "../catalog/record.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import { workOn } from "./add-backend.ts"
import type { RegisteredBackend } from "./backend-set.ts"
import { countOthers } from "./delete.ts"
import { everyRow } from "./every-row.ts"
import type { StoreServices } from "./services.ts"
import type { RemoveBackendOptions } from "./store.ts"

const NAMED_IN_ERROR = 20
const STOP_DEADLINE = 5_000

/** @throws StoredError UNKNOWN_BACKEND, CONFLICT, LAST_COPY (`details.count`, `details.keys` has the first 20), ABORTED */
export async function removeBackend(
  services: StoreServices,
  name: string,
  options: RemoveBackendOptions = {},
): Promise<void> {
  services.lifecycle.requireOpen()
  services.backends.get(name)
  await services.backends.claiming(name, () => removeClaimed(services, name, options))
}

async function removeClaimed(services: StoreServices, name: string, options: RemoveBackendOptions): Promise<void> {
  const registered = services.backends.get(name)
  services.backends.leave(name)
  try {
    await services.runner.removeBackend(name, STOP_DEADLINE)
    await requireRemovable(services, registered, options)
    await services.scans.end(name)
    await services.validations.end(name)
    await services.backends.remove(name)
    for (let done = false; !done; ) {
      const step = await services.catalog.commitBackendRemoval(name, removalOf(services, options))
      done = step.done
    }
  } finally {
    services.backends.settleLeaving(name)
  }
  services.bus.publish("backend:remove", services.catalog.lastSequence(), services.clock.now(), { backend: name })
}

function removalOf({ clock }: StoreServices, { force, principal, requestId }: RemoveBackendOptions) {
  return {
    limit: 1_000,
    time: clock.now(),
    ...(force && { forced: true }),
    ...(principal !== undefined && { principal }),
    ...(requestId !== undefined && { requestId }),
  }
}

/** Where it may not go, it goes on working. */
async function requireRemovable(
  services: StoreServices,
  registered: RegisteredBackend,
  options: RemoveBackendOptions,
): Promise<void> {
  try {
    if (!options.force) await requireOtherCopies(services, registered.name, options.signal)
  } catch (error) {
    if (services.lifecycle.state !== "closing") workOn(services, registered)
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
    if (await hasOtherCopies(services, location)) continue
    count += 1
    if (keys.length < NAMED_IN_ERROR) keys.push(location.objectKey)
  }
  if (count === 0) return
  throw new StoredError(
    "LAST_COPY",
    `Without backend "${name}" too few copies of ${count} objects would be left, of "${keys[0]}" among them; copy them elsewhere first, or force it.`,
    { details: { backend: name, count, keys, minCopies: services.config.minCopies } },
  )
}

/** Enough others are seen now, or will get it from staging. */
async function hasOtherCopies(services: StoreServices, location: LocationRecord): Promise<boolean> {
  const { want, objectKey, backend } = location
  if (want === null) return true
  // An eviction that counted on this copy ends first.
  return services.copies.deciding(want, async () => {
    const object = services.catalog.object(objectKey)
    if (!object || !services.catalog.blob(want)) return true
    return (await countOthers(services, object, [backend])) >= services.config.minCopies
  })
}
