/** `copyMany`, `moveMany`: many objects under other keys, each by itself. What became of each comes as it is done, in their order. */
import { type SerializedError, StoredError } from "../core/error.ts"
import { each } from "./many.ts"
import type { StoreServices } from "./services.ts"
import type { CopiedEntry, CopyManyOptions, CopyPair, Store } from "./store.ts"

/** Pairs that one call may name. */
export const MOST_COPIED = 1_000
/** At a time: bytes that lie only at a backend are fetched, and each of them takes room and a connection. */
const TOGETHER = 16

/** @throws StoredError INVALID_INPUT, KEY_REUSED, ABORTED */
export function copyMany(
  services: StoreServices,
  pairs: readonly CopyPair[],
  { beforeEach = (pair) => pair, ...options }: CopyManyOptions,
  { operation, act }: { operation: "copy" | "move"; act: Store["copy"] },
): AsyncGenerator<CopiedEntry[], void, undefined> {
  checkPairs(pairs)
  const { idempotencyKey: _key, ...common } = options
  const copyOne = async (pair: CopyPair, once: { idempotencyKey?: string }): Promise<CopiedEntry> => {
    const { from, to, ...own } = await beforeEach(pair)
    const { id, size, version, isNew } = await act(from, to, { ...own, ...common, ...once })
    return { from, to, id, size, version, isNew }
  }
  const failed = ({ from, to }: CopyPair, error: SerializedError): CopiedEntry => ({ from, to, error })
  return each(services, { operation, items: pairs, together: TOGETHER, act: copyOne, failed }, options)
}

/** @throws StoredError INVALID_INPUT */
function checkPairs(pairs: readonly CopyPair[]): void {
  const isList =
    Array.isArray(pairs) &&
    pairs.every((pair: Partial<CopyPair> | null) => typeof pair?.from === "string" && typeof pair.to === "string")
  if (isList && pairs.length <= MOST_COPIED) return
  throw new StoredError("INVALID_INPUT", `Name at most ${MOST_COPIED} pairs, as a list of { from, to }.`)
}
