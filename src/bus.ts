/**
 * Events inside one process: typed, synchronous, after the fact is durable. A listener that throws, or that is async and rejects, never reaches
 * the part that published; its error goes to `onListenerError`.
 */
import type { StoreEvent, StoreEventListener, StoreEventName, StoreEvents } from "./core/event.ts"

type AnyListener = (event: StoreEvent) => void

export class Bus {
  readonly #listeners = new Map<StoreEventName, Set<StoreEventListener<StoreEventName>>>()
  readonly #all = new Set<AnyListener>()
  readonly #onListenerError: (error: unknown) => void

  constructor(onListenerError: (error: unknown) => void) {
    this.#onListenerError = onListenerError
  }

  on<Name extends StoreEventName>(name: Name, listener: StoreEventListener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener as unknown as StoreEventListener<StoreEventName>)
    return () => this.off(name, listener)
  }

  off<Name extends StoreEventName>(name: Name, listener: StoreEventListener<Name>): void {
    this.#listeners.get(name)?.delete(listener as unknown as StoreEventListener<StoreEventName>)
  }

  /** Every event. Returns a function that ends it. */
  onAny(listener: AnyListener): () => void {
    this.#all.add(listener)
    return () => void this.#all.delete(listener)
  }

  publish<Name extends StoreEventName>(
    type: Name,
    sequence: number | null,
    time: number,
    data: StoreEvents[Name],
  ): void {
    const listeners = this.#listeners.get(type)
    if (!listeners?.size && this.#all.size === 0) return
    for (const listener of listeners ?? []) this.#call(() => listener(data, { sequence, time }))
    const event = { type, sequence, time, data } as StoreEvent
    for (const listener of this.#all) this.#call(() => listener(event))
  }

  #call(listener: () => unknown): void {
    try {
      const answer = listener()
      // Nobody waits for an async listener, so nobody else would see it reject, and the process would end by it.
      if (isThenable(answer)) answer.then(undefined, this.#onListenerError)
    } catch (error) {
      this.#onListenerError(error)
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function"
}
