/**
 * Keeps the bytes of a bad copy in quarantine, before anybody replaces them (I8). Whoever comes across the same copy meanwhile waits for the one that is at it: a
 * hundred readers of a bad copy keep it once.
 */
import type { Readable } from "node:stream"
import type { StorageBackend } from "../backends/backend.ts"
import type { LocationRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import { throwIfAborted, toStoredError } from "../core/error.ts"
import { isUnreadable } from "../core/unreadable.ts"
import type { Staging } from "../staging/staging.ts"
import type { StoreServices } from "./services.ts"

export interface BadCopy {
  /** the backend's name, and the key there */
  backend: string
  key: string
  /** what it should be */
  id: BlobId
  /** bytes that it has; absent: the backend is asked */
  size?: number
}

/** Their name in quarantine; null where they could not be kept; absent where there is nothing that anybody could keep: it is gone, or its disk does not give it back. */
export type Kept = string | null | undefined

/** ms until the bytes of a copy must be kept, beside the time that they take */
const BASE_DEADLINE = 60_000
/** the slowest transfer that is not taken for a hang */
const SLOWEST_BYTES_PER_MS = 64
/** what a timer can measure */
const LONGEST_DEADLINE = 2 ** 31 - 1

const underWay = new WeakMap<Staging, Map<string, Promise<Kept>>>()

/** Where they cannot be kept that is logged. @throws StoredError ABORTED */
export async function keepBad(
  services: Pick<StoreServices, "staging" | "log">,
  backend: StorageBackend,
  copy: BadCopy,
  signal: AbortSignal,
): Promise<Kept> {
  const ofStaging = underWay.get(services.staging) ?? new Map<string, Promise<Kept>>()
  underWay.set(services.staging, ofStaging)
  const name = JSON.stringify([copy.backend, copy.key, copy.id])
  const keeping = ofStaging.get(name) ?? keep(services, backend, copy, signal).finally(() => ofStaging.delete(name))
  ofStaging.set(name, keeping)
  return keeping
}

async function keep(
  { staging, log }: Pick<StoreServices, "staging" | "log">,
  backend: StorageBackend,
  { backend: from, key, id, size: told }: BadCopy,
  ended: AbortSignal,
): Promise<Kept> {
  let bytes: Readable | null = null
  try {
    const size = told ?? (await backend.stat(key, { signal: within(ended, 0) }))?.size
    if (size === undefined) return undefined
    const signal = within(ended, size)
    bytes = await backend.get(key, { signal })
    return await staging.keepBad(id, bytes, { size, from, signal })
  } catch (error) {
    throwIfAborted(ended)
    const fault = toStoredError(error)
    if (fault.code === "NOT_FOUND" || isUnreadable(fault)) return undefined
    log.error({ backend: from, key, id, error: fault.toJSON() }, "the bytes of a bad copy could not be kept")
    return null
  } finally {
    bytes?.destroy()
  }
}

function within(signal: AbortSignal, size: number): AbortSignal {
  const deadline = Math.min(BASE_DEADLINE + size / SLOWEST_BYTES_PER_MS, LONGEST_DEADLINE)
  return AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(deadline))])
}

/** As `keepBad`, of a location whose copy was found bad; what others may change there is no bad copy, and is not kept. */
export async function keepBadAt(services: StoreServices, location: LocationRecord, signal: AbortSignal): Promise<Kept> {
  const { backend: name, key, want, found } = location
  const registered = services.backends.get(name)
  if (want === null || (found && registered.config.mode !== "enforce")) return undefined
  return keepBad(services, await services.backends.opened(name), { backend: name, key, id: want }, signal)
}
