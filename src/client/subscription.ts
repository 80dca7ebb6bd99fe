/**
 * `on` and `off` over the wire. The first listener opens one stream for all of them, the last one that goes ends it. What this client does after
 * `on` is heard: its other calls wait until the stream has its place in the journal, or could not get one.
 */
import { Bus } from "../bus.ts"
import { type StoredError, toStoredError } from "../core/error.ts"
import type { StoreEventListener, StoreEventName } from "../core/event.ts"
import { eventStream } from "./event-stream.ts"
import type { Link } from "./link.ts"

type Listener = StoreEventListener<StoreEventName>

export class Subscription {
  readonly #link: Link
  readonly #onError: (error: StoredError) => void
  readonly #bus: Bus
  readonly #listeners = new Map<StoreEventName, Set<Listener>>()
  #stream: RunningStream | null = null

  /** @param onError told of every connection that breaks, of a stream that cannot be had, and of what listeners throw */
  constructor(link: Link, onError: (error: StoredError) => void) {
    this.#link = link
    this.#onError = onError
    this.#bus = new Bus((error) => onError(toStoredError(error)))
  }

  on<Name extends StoreEventName>(name: Name, listener: StoreEventListener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(listener as unknown as Listener))
    this.#bus.on(name, listener)
    this.#stream ??= this.#start()
    return () => this.off(name, listener)
  }

  off<Name extends StoreEventName>(name: Name, listener: StoreEventListener<Name>): void {
    this.#bus.off(name, listener)
    const listeners = this.#listeners.get(name)
    listeners?.delete(listener as unknown as Listener)
    if (listeners?.size === 0) this.#listeners.delete(name)
    if (this.#listeners.size === 0) this.close()
  }

  /** Resolves once everything that is committed from now on will be heard, or once that was tried in vain. */
  placed(): Promise<void> {
    return this.#stream?.placed() ?? Promise.resolve()
  }

  close(): void {
    this.#stream?.end()
    this.#stream = null
  }

  #start(): RunningStream {
    const stream = new RunningStream(this.#link, this.#bus, (error, isOver) => {
      // Whoever comes next may try again.
      if (isOver && this.#stream === stream) this.#stream = null
      this.#onError(error)
    })
    return stream
  }
}

class RunningStream {
  readonly #end = new AbortController()
  #isPlaced = false
  #tried = Promise.withResolvers<void>()
  #hurry = new AbortController()

  constructor(link: Link, bus: Bus, onError: (error: StoredError, isOver: boolean) => void) {
    void this.#run(link, bus, onError)
  }

  end(): void {
    this.#end.abort()
    this.#tried.resolve()
  }

  /** A stream that had no place until now tries at once. */
  placed(): Promise<void> {
    if (this.#isPlaced || this.#end.signal.aborted) return Promise.resolve()
    this.#hurry.abort()
    return this.#tried.promise
  }

  async #run(link: Link, bus: Bus, onError: (error: StoredError, isOver: boolean) => void): Promise<void> {
    const { signal } = this.#end
    try {
      const events = eventStream(link, {
        after: undefined,
        hints: true,
        signal,
        onPlaced: () => {
          this.#isPlaced = true
          this.#tried.resolve()
        },
        onBreak: (error) => {
          this.#retry()
          onError(error, false)
        },
        hurry: () => this.#hurry.signal,
      })
      for await (const { type, sequence, time, data } of events) {
        if (signal.aborted) return
        bus.publish(type, sequence, time, data)
      }
    } catch (error) {
      this.end()
      onError(toStoredError(error), true)
    }
  }

  /** Who waited for the try that failed goes on without; who comes now waits for the next. */
  #retry(): void {
    this.#tried.resolve()
    if (this.#isPlaced) return
    this.#tried = Promise.withResolvers()
    this.#hurry = new AbortController()
  }
}
