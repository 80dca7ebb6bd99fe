/** Proven copies against the backends: each is still there with its size and checksum (I4). */
import type { StorageBackend } from "../backends/backend.ts"
import type { LocationRecord } from "../catalog/record.ts"
import { isProvisional, splitBlobId } from "../core/blob-id.ts"
import { isStoredError, throwIfAborted, toStoredError } from "../core/error.ts"
import { isSameState } from "../core/seen-state.ts"
import { isUnreadable } from "../core/unreadable.ts"
import { everyRow } from "../store/every-row.ts"
import { keepBadAt } from "../store/keep-bad.ts"
import { isSynced } from "../store/reference.ts"
import type { StoreServices } from "../store/services.ts"
import type { Checked, Finding } from "./finding.ts"

export async function* checkLocations(
  services: StoreServices,
  checked: Checked,
  repair: boolean,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  yield* unregistered(services)
  for (const name of services.backends.names()) {
    let backend: StorageBackend
    try {
      backend = await services.backends.opened(name)
    } catch (error) {
      yield unchecked(name, toStoredError(error).message)
      continue
    }
    for (const location of everyRow((page) => services.catalog.locations(name, page), keyOf)) {
      checked.locations += 1
      throwIfAborted(signal)
      if (isSynced(location)) yield* checkLocation(services, backend, location, repair, signal)
    }
  }
}

/** Copies on backends that the configuration no longer names: nobody looks after them. */
function* unregistered(services: StoreServices): Generator<Finding> {
  const counts = new Map<string, number>()
  for (const { copies } of everyRow((page) => services.catalog.objects(page), keyOf)) {
    for (const { backend } of copies) {
      if (!services.backends.has(backend)) counts.set(backend, (counts.get(backend) ?? 0) + 1)
    }
  }
  for (const [name, count] of counts) {
    yield unchecked(name, `${count} copies should be on it, but it is not configured; configure it again.`)
  }
}

async function* checkLocation(
  services: StoreServices,
  backend: StorageBackend,
  location: LocationRecord,
  repair: boolean,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const subject = `${location.backend}/${location.key}`
  try {
    const state = await lookOrUnreadable(services, backend, location, signal)
    if (state === "good") return
    const done = repair && (await mark(services, location, state, signal))
    const message = `The catalog says that this copy is proven, but it is ${state}.`
    yield {
      invariant: "I4",
      severity: "fault",
      subject,
      message,
      repair: done ? "put back to work from a good copy" : null,
    }
  } catch (error) {
    yield unchecked(subject, toStoredError(error).message)
  }
}

/** What its disk does not give back is not there. */
async function lookOrUnreadable(...looked: Parameters<typeof look>): ReturnType<typeof look> {
  try {
    return await look(...looked)
  } catch (error) {
    if (isUnreadable(error)) return "corrupt"
    throw error
  }
}

async function look(
  services: StoreServices,
  backend: StorageBackend,
  location: LocationRecord,
  signal: AbortSignal,
): Promise<"good" | "missing" | "corrupt"> {
  const id = location.want!
  const seen = await backend.stat(location.key, { signal })
  if (!seen) return "missing"
  if (isProvisional(id)) return location.seen && isSameState(location.seen, seen) ? "good" : "corrupt"
  const { algorithm, hex } = splitBlobId(id)
  if (seen.size !== services.catalog.blob(id)?.size) return "corrupt"
  if (backend.checksum && backend.capabilities.checksums.includes(algorithm)) {
    const observed = await backend.checksum(location.key, algorithm, { signal })
    return observed?.hex === hex ? "good" : "corrupt"
  }
  return (await readBack(services, backend, location, signal)) === hex ? "good" : "corrupt"
}

async function readBack(
  services: StoreServices,
  backend: StorageBackend,
  location: LocationRecord,
  signal: AbortSignal,
): Promise<string> {
  const hasher = services.hashers.create(splitBlobId(location.want!).algorithm)
  for await (const chunk of await backend.get(location.key, { signal })) hasher.update(chunk as Uint8Array)
  return hasher.digest()
}

/** Makes the location due again where another good copy can feed it, and what is bad is kept. False: it stays. */
async function mark(
  services: StoreServices,
  location: LocationRecord,
  state: "missing" | "corrupt",
  signal: AbortSignal,
): Promise<boolean> {
  const blob = services.catalog.blob(location.want!)
  const others = blob ? blob.synced - 1 : 0
  const kept = state === "corrupt" ? await keepBadAt(services, location, signal) : undefined
  const feeds = ((blob?.staged ?? false) || others > 0) && kept !== null
  try {
    await services.catalog.commitDrift({
      backend: location.backend,
      key: location.key,
      state,
      repair: feeds,
      ...(kept !== undefined && { kept }),
      time: services.clock.now(),
    })
    return feeds
  } catch (error) {
    if (isStoredError(error) && error.code === "NOT_FOUND") return false
    throw error
  }
}

function unchecked(subject: string, reason: string): Finding {
  return {
    invariant: "I4",
    severity: "unchecked",
    subject,
    message: `It could not be looked at: ${reason}`,
    repair: null,
  }
}

function keyOf(row: { key: string }): string {
  return row.key
}
