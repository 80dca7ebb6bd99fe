/**
 * `copy` and `move`: an object under another key too, or instead, in one transaction and without its bytes being sent again. The new copies come from staging, into
 * which the bytes are brought first where they are not there.
 */
import type { CopyCommit } from "../catalog/copy-fact.ts"
import type { ObjectRecord } from "../catalog/record.ts"
import { isProvisional } from "../core/blob-id.ts"
import { isStoredError, NotFoundError, StoredError, throwIfAborted } from "../core/error.ts"
import { type JsonObject, parseMetadata } from "../core/json.ts"
import { parseKey } from "../core/key.ts"
import type { PutResult } from "../core/metadata.ts"
import { announceDelete, announcePut } from "./announce.ts"
import { content } from "./content.ts"
import { parseMimeType } from "./mime-type.ts"
import { open } from "./open.ts"
import { checkBackends, checkVersion } from "./put-options.ts"
import { putResult } from "./put-result.ts"
import { onceOf, requestName } from "./running-requests.ts"
import type { StoreServices } from "./services.ts"
import type { CopyOptions } from "./store.ts"

/** How often bytes may be dropped from staging, or the object change, between a look and the commit. */
const TRIES = 5

/** @throws StoredError NOT_FOUND, CONFLICT, KEY_REUSED, INVALID_KEY, INVALID_INPUT, UNKNOWN_BACKEND; where the bytes must be fetched first, why they cannot be read */
export async function copy(
  services: StoreServices,
  from: string,
  to: string,
  options: CopyOptions = {},
  { moves }: { moves: boolean },
): Promise<PutResult> {
  const checked = check(services, from, to, options)
  const name = requestName(moves ? "move" : "copy", options)
  const commit = await services.requests.alone(name, () => {
    const { backends, metadata, mimeType, principal } = options
    // Conditions are about what was there before; they do not make it another request.
    const request = onceOf(name, { from, to, backends, metadata, mimeType })
    const fact = { ...request, ...(principal !== undefined && { principal }) }
    return tryToCommit(services, { ...checked, moves, fact }, options)
  })
  if (!commit.repeated) {
    announcePut(services, commit)
    if (commit.removed) announceDelete(services, commit.removed)
  } else options.onRepeat?.()
  return { ...putResult(services, commit), satisfied: true }
}

interface Checked {
  from: string
  to: string
  moves: boolean
  custom: JsonObject | undefined
  mimeType: string | undefined
  fact: object
}

function check(
  services: StoreServices,
  from: string,
  to: string,
  options: CopyOptions,
): Omit<Checked, "moves" | "fact"> {
  const { backends, metadata, mimeType, ifVersion, ifFromVersion } = options
  if (backends) checkBackends(services, backends)
  checkVersion(ifVersion)
  checkVersion(ifFromVersion)
  const keys = { from: parseKey(from), to: parseKey(to) }
  if (keys.from === keys.to) throw new StoredError("INVALID_INPUT", `"${from}" is one key; name two.`)
  return {
    ...keys,
    custom: metadata === undefined ? undefined : parseMetadata(metadata),
    mimeType: mimeType === undefined ? undefined : parseMimeType(mimeType),
  }
}

async function tryToCommit(services: StoreServices, checked: Checked, options: CopyOptions): Promise<CopyCommit> {
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(options.signal)
    try {
      return await commitCopy(services, checked, options)
    } catch (error) {
      if (!isStoredError(error) || !error.retryable || error.code !== "CONFLICT" || attempt === TRIES) throw error
    }
  }
}

async function commitCopy(services: StoreServices, checked: Checked, options: CopyOptions): Promise<CopyCommit> {
  const { catalog, clock, config } = services
  const { from, to, moves, custom, mimeType, fact } = checked
  const { ifVersion, ifAbsent, ifFromVersion, requestId, idempotencyKey, token } = options
  const source = isDone(services, checked, options) ? null : await readable(services, from, options)
  return catalog.commitCopy({
    from,
    key: to,
    moves,
    copies: source ? placesOf(services, source, to, options.backends) : [],
    sideChecksums: config.checksums.slice(1),
    ...(custom && { custom }),
    ...(mimeType !== undefined && { mimeType }),
    ...(ifVersion !== undefined && { ifVersion }),
    ...(ifAbsent && { ifAbsent }),
    ...(ifFromVersion !== undefined && { ifFromVersion }),
    ...(requestId !== undefined && { requestId }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(token !== undefined && { token }),
    ...fact,
    time: clock.now(),
  })
}

/** Whether the commit will only say what came of it before: then nothing need be there any more. */
function isDone({ catalog, clock }: StoreServices, { moves }: Checked, options: CopyOptions): boolean {
  const name = requestName(moves ? "move" : "copy", options)
  return name !== null && catalog.isRepeated(name, clock.now())
}

/** The object, with its bytes in staging. @throws StoredError NOT_FOUND, and why they cannot be read */
async function readable(services: StoreServices, key: string, { signal }: CopyOptions): Promise<ObjectRecord> {
  const source = requireObject(services, key)
  const ends = AbortSignal.any(signal ? [signal, services.lifecycle.signal] : [services.lifecycle.signal])
  if (isProvisional(source.id)) {
    // Nobody has read it yet: what it is called is known once it has passed through here.
    const { stream } = await open(services, key, { signal: ends })
    for await (const _ of stream);
    return readable(services, key, signal ? { signal } : {})
  }
  await content(services, source.id, source.size, ends)
  return source
}

function requireObject({ catalog }: StoreServices, key: string): ObjectRecord {
  const object = catalog.object(key)
  if (object) return object
  throw new NotFoundError(`There is no "${key}" here.`, { details: { key } })
}

/**
 * On the backends that are named, or where the object is now. What was found in a folder lies there without the folder's own prefix, and so does its copy.
 */
function placesOf(services: StoreServices, source: ObjectRecord, to: string, named?: string[]): ObjectRecord["copies"] {
  const now = source.copies.map(({ backend }) => backend).filter((backend) => !services.backends.isLeaving(backend))
  const backends = checkBackends(services, named ?? (now.length > 0 ? now : undefined))
  return backends.map((backend) => {
    const place = source.copies.find((copy) => copy.backend === backend)?.key
    const prefix = place !== undefined && source.key.endsWith(place) ? source.key.slice(0, -place.length) : ""
    const isWithin = to.startsWith(prefix) && to.length > prefix.length
    return { backend, key: isWithin ? to.slice(prefix.length) : to }
  })
}
