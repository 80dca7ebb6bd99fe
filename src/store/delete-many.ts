/** `deleteMany`: many objects by their keys, each by itself. One that cannot be deleted holds up no other. */
import { NotFoundError, type SerializedError, StoredError } from "../core/error.ts"
import { parseKey } from "../core/key.ts"
import { remove } from "./delete.ts"
import { each } from "./many.ts"
import { requestName } from "./running-requests.ts"
import type { StoreServices } from "./services.ts"
import type { DeletedEntry, DeleteManyOptions } from "./store.ts"

/** Keys that one call may name, as S3's DeleteObjects. */
export const MOST_DELETED = 1_000
/** Commits at a time: they share their flushes. */
const TOGETHER = 64

/** @throws StoredError INVALID_INPUT, KEY_REUSED, CONFLICT (retryable) where the same request is under way, ABORTED */
export async function deleteMany(
  services: StoreServices,
  keys: readonly string[],
  options: DeleteManyOptions = {},
): Promise<DeletedEntry[]> {
  const isList = Array.isArray(keys) && keys.every((key) => typeof key === "string")
  if (!isList || keys.length > MOST_DELETED)
    throw new StoredError("INVALID_INPUT", `Name at most ${MOST_DELETED} keys, as a list of texts.`)
  const { beforeEach, idempotencyKey: _key, onRepeat: _told, ...common } = options
  const many = {
    operation: "delete",
    items: keys,
    together: TOGETHER,
    act: async (key: string, once: { idempotencyKey?: string }): Promise<DeletedEntry> => {
      const parsed = parseKey(key)
      await beforeEach?.(parsed)
      const { id } = await remove(services, parsed, { ...common, ...once, wait: 0 })
      if (id === null) throw new NotFoundError(`There is no "${key}" here.`)
      return { key, id }
    },
    failed: (key: string, error: SerializedError) => ({ key, error }),
  } as const
  return services.requests.alone(requestName("delete-many", options), async () =>
    (await Array.fromAsync(each<string, DeletedEntry>(services, many, options))).flat(),
  )
}
