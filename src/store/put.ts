/**
 * `put` (DESIGN §4): check everything that can be checked, stage the bytes durably, commit the facts and their jobs in one
 * transaction, answer. No backend and no queue is waited for, unless the caller asked for copies.
 */
import type { PutCommit, PutFact } from "../catalog/catalog.ts"
import type { ObjectRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { IdAlgorithm } from "../core/checksum.ts"
import { ConflictError, isStoredError, StoredError, throwIfAborted, toStoredError } from "../core/error.ts"
import { DEFAULT_KEY_TEMPLATE, renderKey } from "../core/key-template.ts"
import type { PutResult } from "../core/metadata.ts"
import type { Received } from "../staging/staging.ts"
import { announcePut } from "./announce.ts"
import { countedSource } from "./counted-source.ts"
import { type OpenedInput, openInput } from "./input.ts"
import { mimeTypeFor } from "./mime-type.ts"
import { type CheckedPut, checkPut } from "./put-options.ts"
import { putResult } from "./put-result.ts"
import { onceOf } from "./running-requests.ts"
import type { StoreServices } from "./services.ts"
import type { PutInput, PutOptions } from "./store.ts"
import { versionSynced } from "./synced.ts"
import { type QuotaRoom, quotaExceeded, quotaRoom } from "./tokens/quota-room.ts"

export async function put(services: StoreServices, input: PutInput, options: PutOptions = {}): Promise<PutResult> {
  services.lifecycle.requireOpen()
  const checked = checkPut(services, options)
  throwIfAborted(options.signal)
  const commit = await services.requests.alone(checked.request, () => commitPut(services, input, checked, options))
  if (commit.repeated) options.onRepeat?.()
  else announcePut(services, commit)
  const satisfied = checked.copies === 0 || (await waitForCopies(services, commit, checked, options.signal))
  return { ...putResult(services, commit), satisfied }
}

async function commitPut(
  services: StoreServices,
  input: PutInput,
  checked: CheckedPut,
  options: PutOptions,
): Promise<PutCommit> {
  // What was done already is not refused for what has become of it since.
  const isRepeated = checked.request !== null && services.catalog.isRepeated(checked.request, services.clock.now())
  if (!isRepeated) refuseEarly(services, checked)
  const room = isRepeated
    ? null
    : quotaRoom(services.catalog, { token: checked.token, key: checked.key, size: options.size })
  const opened = await openInput(input, {
    ...(options.size !== undefined && { size: options.size }),
    signal: options.signal,
  })
  if (options.onProgress) opened.source = countedSource(opened.source, options.onProgress)
  return stageAndCommit(services, opened, { ...checked, room }, options.signal)
}

/**
 * R9: false where the time ran out or the store closes. The put is committed by then, so neither is a failure of it.
 * @throws StoredError ABORTED, CONFLICT, the error of a copy that was given up
 */
async function waitForCopies(
  services: StoreServices,
  { object }: PutCommit,
  { copies, waitMs }: CheckedPut,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(), waitMs)
  const ends = [over.signal, services.lifecycle.signal]
  try {
    await versionSynced(services, object, { copies, signal: AbortSignal.any(signal ? [signal, ...ends] : ends) })
    return true
  } catch (error) {
    if (signal?.aborted) throw abortedAfterCommit(object, error)
    if (ends.some((end) => end.aborted)) return false
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function abortedAfterCommit({ key, id, version }: ObjectRecord, cause: unknown): StoredError {
  const message = `The wait for copies of "${key}" was aborted; the put itself is committed as version ${version}.`
  return new StoredError("ABORTED", message, { cause, details: { committed: { key, id, version } } })
}

/** Saves the bytes of a put that is bound to be refused; the transaction decides again. */
function refuseEarly(services: StoreServices, checked: CheckedPut): void {
  if (checked.key === null) return
  const current = services.catalog.object(checked.key)
  if (checked.ifAbsent && current)
    throw new ConflictError(`The key "${checked.key}" exists already.`, { details: { version: current.version } })
}

async function stageAndCommit(
  services: StoreServices,
  opened: OpenedInput,
  checked: CheckedPut & { room: QuotaRoom | null },
  signal: AbortSignal | undefined,
): Promise<PutCommit> {
  const { config, staging } = services
  const algorithm = config.checksums[0] as IdAlgorithm
  let head: Uint8Array | undefined
  try {
    const receiving = staging.receive(opened.source, {
      algorithm,
      expect: checked.expect,
      durable: checked.durable,
      signal,
      ...atMost(config.maxBlobSize, checked.room),
      onHead: (bytes) => {
        head = bytes
      },
    })
    const received = await receiving.catch((error: unknown) => {
      throw overQuota(error, config.maxBlobSize, checked.room)
    })
    try {
      await opened.verify()
      const mimeType = mimeTypeFor({
        explicit: checked.mimeType,
        declared: opened.mimeType,
        key: checked.key ?? undefined,
        name: opened.name,
        head,
      })
      const commit = await commitReceived(services, received, { ...checked, mimeType, ...attributes(opened) })
      if (commit.repeated) {
        received.hold.release()
        await keepOrDrop(services, received.id)
      }
      return commit
    } catch (error) {
      received.hold.release()
      await dropUncounted(services, received.id, error)
      throw error
    } finally {
      received.hold.release()
    }
  } finally {
    await opened.close()
  }
}

/** The smaller one of two limits. */
function atMost(limit: number | undefined, room: QuotaRoom | null): { maxBytes?: number } {
  const maxBytes = Math.min(limit ?? Number.POSITIVE_INFINITY, room?.left ?? Number.POSITIVE_INFINITY)
  return Number.isFinite(maxBytes) ? { maxBytes } : {}
}

/** A body of unknown length that outgrew the quota was too large for that, and for nothing else. */
function overQuota(error: unknown, limit: number | undefined, room: QuotaRoom | null): unknown {
  if (!isStoredError(error) || error.code !== "TOO_LARGE" || room === null) return error
  return room.left < (limit ?? Number.POSITIVE_INFINITY) ? quotaExceeded({ ...room.quota, unit: "bytes" }) : error
}

/** The bytes that came with a request which was done before: whoever names them has them staged now. */
async function keepOrDrop(services: StoreServices, id: BlobId): Promise<void> {
  if (!(await services.catalog.commitStaged(id, services.clock.now()))) await dropUncounted(services, id, null)
}

/** Bytes of a refused put that no row counts must not stay. Where the commit's outcome is unknown, the row may be there after all. */
async function dropUncounted(services: StoreServices, id: BlobId, error: unknown): Promise<void> {
  if (isStoredError(error) && error.code === "COMMIT_UNKNOWN") return
  try {
    if (!services.catalog.blob(id)) await services.staging.remove(id)
  } catch (fault) {
    services.log.warn({ id, error: toStoredError(fault).toJSON() }, "the bytes of a refused put could not be removed")
  }
}

async function commitReceived(
  services: StoreServices,
  received: Received,
  checked: CheckedPut & Pick<PutFact, "mimeType" | "attributes">,
): Promise<PutCommit> {
  const { config, catalog, clock } = services
  checked.beforeCommit?.()
  // A backend may have been removed while the bytes came in. From here to the commit nothing awaits, so a removal's own commit comes after.
  return catalog.commitPut({
    id: received.id,
    size: received.size,
    checksums: received.checksums,
    mimeType: checked.mimeType,
    ...placesOf(services, checked, received.id),
    custom: checked.custom,
    ...(checked.attributes && { attributes: checked.attributes }),
    sideChecksums: config.checksums.slice(1),
    ...(checked.ifVersion !== undefined && { ifVersion: checked.ifVersion }),
    ...(checked.ifAbsent && { ifAbsent: true }),
    ...(checked.token !== undefined && { token: checked.token }),
    ...checked.actor,
    ...onceOf(checked.request, requestOf(received.id, checked)),
    time: clock.now(),
  })
}

/** What makes it this put and no other. Its conditions do not: they are about what was there before. */
function requestOf(id: BlobId, checked: CheckedPut & Pick<PutFact, "mimeType">): unknown {
  const { key, backends, custom, mimeType } = checked
  return { id, key, backends, custom, mimeType }
}

function attributes(opened: OpenedInput): Pick<PutFact, "attributes"> {
  if (opened.modified === null && opened.mode === null) return {}
  return {
    attributes: {
      ...(opened.modified !== null && { modified: opened.modified }),
      ...(opened.mode !== null && { mode: opened.mode }),
    },
  }
}

/** An object without a key gets one from its checksum, and lies on each backend where the backend's own template says (R14). */
function placesOf(services: StoreServices, checked: CheckedPut, id: BlobId): Pick<PutFact, "key" | "copies"> {
  const { keyPrefix } = services.config
  const given = checked.key
  const key = given ?? renderKey(DEFAULT_KEY_TEMPLATE, keyPrefix, id)
  const copies = checked.backends.map((backend) => {
    // Asked for even where its template is not needed: it must still be registered.
    const { keyTemplate } = services.backends.get(backend)
    if (services.backends.isLeaving(backend)) throw leaving(backend)
    return { backend, key: given ?? renderKey(keyTemplate, keyPrefix, id) }
  })
  return { key, copies }
}

/** Its copies are being counted, or forgotten: one more would be missed. */
function leaving(backend: string): StoredError {
  return new StoredError(
    "CONFLICT",
    `Backend "${backend}" is being removed; name another, or wait until that has ended.`,
    {
      retryable: true,
      details: { backend },
    },
  )
}
