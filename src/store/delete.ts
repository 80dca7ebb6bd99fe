/**
 * `delete` (DESIGN §4): one transaction takes the object, or named copies of it, away; the bytes go by retried jobs. A backend that is down
 * yields `pending`, not an error (R2).
 */
import type { DeleteCommit } from "../catalog/catalog.ts"
import type { ObjectRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import { isStoredError, StoredError, throwIfAborted } from "../core/error.ts"
import { announceDelete } from "./announce.ts"
import { everyRow } from "./every-row.ts"
import { checkBackends, checkVersion } from "./put-options.ts"
import { reclaim } from "./reclaim.ts"
import { locationsOf, requireTarget, type Target } from "./reference.ts"
import { onceOf, requestName } from "./running-requests.ts"
import type { StoreServices } from "./services.ts"
import type { DeleteOptions, DeleteResult } from "./store.ts"

const DEFAULT_WAIT = 1_000

interface Removed {
  /** key inside the backend */
  key: string
  backend: string
}

/** @throws StoredError NOT_FOUND, CONFLICT, LAST_COPY, UNKNOWN_BACKEND, INVALID_KEY */
export async function remove(
  services: StoreServices,
  idOrKey: string,
  options: DeleteOptions = {},
): Promise<DeleteResult> {
  services.lifecycle.requireOpen()
  if (options.backends) checkBackends(services, options.backends)
  checkVersion(options.ifVersion)
  const name = requestName("delete", options)
  return services.requests.alone(name, () => {
    const isRepeated = name !== null && services.catalog.isRepeated(name, services.clock.now())
    return isRepeated ? tellAgain(services, idOrKey, options) : removeTarget(services, idOrKey, options)
  })
}

async function removeTarget(services: StoreServices, idOrKey: string, options: DeleteOptions): Promise<DeleteResult> {
  const target = requireTarget(services.catalog, idOrKey)
  if (options.idempotencyKey !== undefined && !target.object) {
    throw new StoredError("INVALID_INPUT", "An idempotency key goes with the delete of one object; name it by its key.")
  }
  const removed: Removed[] = []
  for (const object of objectsOf(services, target)) {
    throwIfAborted(options.signal)
    removed.push(
      ...(await removeObject(services, object, target.object ? options : { ...options, onlyBlob: target.blob.id })),
    )
  }
  if (removed.length === 0 && !target.object && services.catalog.blob(target.blob.id)) reclaim(services, target.blob.id)
  await settled(services, removed, options.wait ?? DEFAULT_WAIT, options.signal)
  return result(services, target.blob.id, removed)
}

/** The same request has taken it away before: what came of that, and nothing is changed. @throws StoredError KEY_REUSED */
async function tellAgain(services: StoreServices, key: string, options: DeleteOptions): Promise<DeleteResult> {
  const { object, backends } = await services.catalog.commitDelete({
    key,
    ...onceOf(requestName("delete", options), requestOf(key, options)),
    time: services.clock.now(),
  })
  options.onRepeat?.()
  const removed = object?.copies.filter(({ backend }) => backends.includes(backend)) ?? []
  return result(services, object?.id ?? null, removed)
}

/** What makes it this delete and no other. */
function requestOf(key: string, { backends, force }: DeleteOptions): unknown {
  return { key, backends, force }
}

/** The object, or every object that names the blob. */
function* objectsOf({ catalog }: StoreServices, { object, blob }: Target): Generator<ObjectRecord> {
  if (object) return yield object
  for (const key of everyRow(
    (page) => catalog.keysOf(blob.id, page),
    (row: string) => row,
  )) {
    const named = catalog.object(key)
    // Another blob may have come under the key since the page was read.
    if (named?.id === blob.id) yield named
  }
}

/**
 * Removes what was looked at and nothing newer: the commit holds only for the version that the checks were made on. Where it has moved on, an
 * object named by key is looked at again; one that was found by its blob is somebody's newer put and stays.
 */
async function removeObject(services: StoreServices, object: ObjectRecord, options: RemoveOptions): Promise<Removed[]> {
  try {
    const commit = options.backends
      ? await services.copies.deciding(object.id, () => commitRemoval(services, object, options))
      : await commitRemoval(services, object, options)
    if (!commit.repeated) announceDelete(services, commit)
    return commit.object?.copies.filter(({ backend }) => commit.backends.includes(backend)) ?? []
  } catch (error) {
    if (!isStoredError(error) || error.code !== "CONFLICT" || options.ifVersion !== undefined) throw error
    const current = services.catalog.object(object.key)
    if (!current || (options.onlyBlob !== undefined && current.id !== options.onlyBlob)) return []
    return removeObject(services, current, options)
  }
}

async function commitRemoval(
  services: StoreServices,
  object: ObjectRecord,
  options: RemoveOptions,
): Promise<DeleteCommit> {
  const backends = options.backends && (await requireOtherCopies(services, object, options.backends, options.force))
  const exact = backends !== undefined || options.onlyBlob !== undefined
  const ifVersion = options.ifVersion ?? (exact ? object.version : undefined)
  return services.catalog.commitDelete({
    key: object.key,
    ...(backends && { backends }),
    ...(ifVersion !== undefined && { ifVersion }),
    ...(options.force && { forced: true }),
    ...(options.principal !== undefined && { principal: options.principal }),
    ...(options.requestId !== undefined && { requestId: options.requestId }),
    ...(options.idempotencyKey !== undefined && { idempotencyKey: options.idempotencyKey }),
    ...onceOf(requestName("delete", options), requestOf(object.key, options)),
    time: services.clock.now(),
  })
}

interface RemoveOptions extends DeleteOptions {
  /** only objects that name this blob */
  onlyBlob?: BlobId
}

/**
 * R11: before named copies go, so many others as `minCopies` says must be seen. The bytes in staging are one of them, where another backend is
 * to get them. Returns the backends to clear, undefined for the whole object.
 * @throws StoredError LAST_COPY
 */
async function requireOtherCopies(
  services: StoreServices,
  object: ObjectRecord,
  backends: string[],
  force = false,
): Promise<string[] | undefined> {
  const rest = object.copies.filter((copy) => !backends.includes(copy.backend))
  if (force) return rest.length > 0 ? backends : undefined
  const { minCopies } = services.config
  const seen = await countOthers(services, object, backends)
  if (seen >= minCopies) return backends
  const left = seen === 0 ? "No other copy" : `Only ${seen} of ${minCopies} other copies`
  throw new StoredError(
    "LAST_COPY",
    `${left} of "${object.key}" would be left; delete the object without naming backends, or force it.`,
    { details: { key: object.key, backends, copies: seen, minCopies } },
  )
}

/** Copies of an object that are seen now beside those on the named backends, counted up to `minCopies`. */
export async function countOthers(services: StoreServices, object: ObjectRecord, backends: string[]): Promise<number> {
  const { catalog, staging, copies, config } = services
  const blob = catalog.blob(object.id)
  if (!blob) return 0
  const others = locationsOf(catalog, { blob, object }).filter(
    ({ backend }) => !backends.includes(backend) && !services.backends.isLeaving(backend),
  )
  if (others.length === 0) return 0
  const staged = blob.staged && (await staging.source(blob.id, blob.size)) ? 1 : 0
  return staged + (await copies.count(blob, others, config.minCopies - staged))
}

function isGone(services: StoreServices, { backend, key }: Removed): boolean {
  const location = services.catalog.location(backend, key)
  return !location || location.want !== null
}

/** Waits until every removed copy is gone or given up, at most `wait` ms. */
async function settled(
  services: StoreServices,
  removed: Removed[],
  wait: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const open = (): boolean => removed.some((copy) => !isGone(services, copy) && !isFailed(services, copy))
  if (wait <= 0 || !open()) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      stop()
      signal?.removeEventListener("abort", done)
      services.lifecycle.signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, wait)
    const stop = services.bus.onAny((event) => {
      if (event.type.startsWith("sync:") && !open()) done()
    })
    signal?.addEventListener("abort", done, { once: true })
    services.lifecycle.signal.addEventListener("abort", done, { once: true })
  })
}

function isFailed(services: StoreServices, { backend, key }: Removed): boolean {
  return services.catalog.location(backend, key)?.state === "failed"
}

function result(services: StoreServices, id: BlobId | null, removed: Removed[]): DeleteResult {
  const pending = new Set<string>()
  const failed = new Set<string>()
  const all = new Set<string>()
  for (const copy of removed) {
    all.add(copy.backend)
    if (isGone(services, copy)) continue
    ;(isFailed(services, copy) ? failed : pending).add(copy.backend)
  }
  const deleted = [...all].filter((backend) => !pending.has(backend) && !failed.has(backend))
  return { id, deleted, removed: deleted, pending: [...pending], failed: [...failed] }
}
