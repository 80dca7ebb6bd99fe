/**
 * Many requests in one: each does what it does by itself, one that fails holds up no other, and what became of them is told in their order. With an idempotency key each has
 * one of its own, made of the key and its place, so that a list which is sent again does what it has not done yet.
 */
import { type SerializedError, throwIfAborted, toStoredError } from "../core/error.ts"
import { derivedKey, type RequestKey, requestName } from "./running-requests.ts"
import type { StoreServices } from "./services.ts"

export interface ManyOptions extends RequestKey {
  signal?: AbortSignal
  onRepeat?(): void
}

export interface Many<Item, Entry> {
  /** the kind of request that each is */
  operation: "delete" | "copy" | "move"
  items: readonly Item[]
  /** at a time: commits share their flushes */
  together: number
  act(item: Item, once: Pick<RequestKey, "idempotencyKey">): Promise<Entry>
  failed(item: Item, error: SerializedError): Entry
}

/** @throws StoredError KEY_REUSED where the key came with another list, INVALID_INPUT, ABORTED, COMMIT_UNKNOWN */
export async function* each<Item, Entry>(
  { catalog, clock }: Pick<StoreServices, "catalog" | "clock">,
  { operation, items, together, act, failed }: Many<Item, Entry>,
  { idempotencyKey, principal, signal, onRepeat }: ManyOptions,
): AsyncGenerator<Entry[], void, undefined> {
  const onceOf = (index: number): Pick<RequestKey, "idempotencyKey"> =>
    idempotencyKey === undefined ? {} : { idempotencyKey: derivedKey(idempotencyKey, index) }
  const isDone = (index: number): boolean => {
    const name = requestName(operation, { ...onceOf(index), ...(principal !== undefined && { principal }) })
    return name !== null && catalog.isRepeated(name, clock.now())
  }
  const run = async (index: number): Promise<Entry> => {
    const item = items[index]!
    try {
      return await act(item, onceOf(index))
    } catch (error) {
      const fault = toStoredError(error)
      throwIfAborted(signal)
      // What is unknown is told to the whole store, which then ends.
      if (fault.code === "COMMIT_UNKNOWN" || fault.code === "KEY_REUSED") throw fault
      return failed(item, fault.toJSON())
    }
  }
  throwIfAborted(signal)
  const done = [...items.keys()].filter(isDone)
  if (done.length > 0) onRepeat?.()
  const told = new Map<number, Entry>()
  // First of all: where the key came with another list, nothing of this one is done.
  for (const index of done) told.set(index, await run(index))
  for (let start = 0; start < items.length; start += together) {
    throwIfAborted(signal)
    const some = [...items.keys()].slice(start, start + together)
    yield await Promise.all(some.map((index) => told.get(index) ?? run(index)))
  }
}
