/** `deleteMany`: many objects by their keys, each by itself. One that cannot be deleted holds up no other. */
import { type SerializedError, StoredError, throwIfAborted, toStoredError } from "../core/error.ts"
import { parseKey } from "../core/key.ts"
import { remove } from "./delete.ts"
import type { StoreServices } from "./services.ts"
import type { DeletedEntry, DeleteManyOptions } from "./store.ts"

/** Keys that one call may name, as S3's DeleteObjects. */
export const MOST_DELETED = 1_000
/** Commits at a time: they share their flushes. */
const TOGETHER = 64

/** @throws StoredError INVALID_INPUT, ABORTED */
export async function deleteMany(
  services: StoreServices,
  keys: readonly string[],
  options: DeleteManyOptions = {},
): Promise<DeletedEntry[]> {
  const isList = Array.isArray(keys) && keys.every((key) => typeof key === "string")
  if (!isList || keys.length > MOST_DELETED)
    throw new StoredError("INVALID_INPUT", `Name at most ${MOST_DELETED} keys, as a list of texts.`)
  const entries: DeletedEntry[] = []
  for (let start = 0; start < keys.length; start += TOGETHER) {
    throwIfAborted(options.signal)
    const some = keys.slice(start, start + TOGETHER)
    entries.push(...(await Promise.all(some.map((key) => deleteOne(services, key, options)))))
  }
  return entries
}

async function deleteOne(services: StoreServices, key: string, options: DeleteManyOptions): Promise<DeletedEntry> {
  try {
    const { id } = await remove(services, parseKey(key), { ...options, wait: 0 })
    return id === null ? { key, error: gone(key) } : { key, id }
  } catch (error) {
    const fault = toStoredError(error)
    // What is unknown is told to the whole store, which then ends.
    if (fault.code === "COMMIT_UNKNOWN") throw fault
    return { key, error: fault.toJSON() }
  }
}

function gone(key: string): SerializedError {
  return new StoredError("NOT_FOUND", `There is no "${key}" here.`).toJSON()
}
