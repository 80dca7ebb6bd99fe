/**
 * The events of a store as a stream of server-sent events. The journal is read only as fast as the reader takes it, so that a slow one fills
 * no memory; hints that do not fit are left out, for nobody may rely on them. Whatever it holds is freed when it is destroyed.
 */
import { Readable } from "node:stream"
import { toStoredError } from "../core/error.ts"
import type { StoreEvent, StoreEventName } from "../core/event.ts"
import type { Store } from "../store/store.ts"

/** What states no committed fact. */
export const HINTS: readonly StoreEventName[] = ["sync:start", "watch", "read:fallback", "backend:breaker"]
/** Bytes that may wait for the reader. */
const ROOM = 64 * 1024

export interface FeedOptions {
  /** journal sequence that the reader has seen last */
  after: number
  hints: boolean
  /** ms between signs of life */
  heartbeat: number
  /** ends the feed in order */
  closing: AbortSignal
}

export class EventFeed extends Readable {
  readonly #store: Pick<Store, "events" | "on">
  readonly #end = new AbortController()
  readonly #closing: AbortSignal
  readonly #stops: (() => void)[] = []
  #resume: (() => void) | null = null

  constructor(store: Pick<Store, "events" | "on">, { after, hints, heartbeat, closing }: FeedOptions) {
    super({ highWaterMark: ROOM })
    this.#store = store
    this.#closing = closing
    // Where the reader stands, also if it is cut before the first event.
    this.push(`id: ${after}\n\n`)
    const beat = setInterval(() => this.#offer(": alive\n\n"), heartbeat)
    this.#stops.push(() => clearInterval(beat))
    if (hints) for (const name of HINTS) this.#stops.push(this.#forward(name))
    closing.addEventListener("abort", this.#finish, { once: true })
    if (closing.aborted) this.#finish()
    void this.#replay(after)
  }

  override _read(): void {
    this.#resume?.()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#closing.removeEventListener("abort", this.#finish)
    for (const stop of this.#stops) stop()
    this.#finish()
    done(error)
  }

  /** Never rejects: a failure of the store breaks the stream. */
  async #replay(after: number): Promise<void> {
    const { signal } = this.#end
    try {
      for await (const event of this.#store.events({ after, signal })) {
        if (signal.aborted) break
        if (!this.push(format(event))) await this.#room()
      }
      if (!this.destroyed) this.push(null)
    } catch (error) {
      this.destroy(toStoredError(error))
    }
  }

  #room(): Promise<void> {
    if (this.#end.signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }

  #forward(name: StoreEventName): () => void {
    return this.#store.on(name, (data: unknown, { sequence, time }: Pick<StoreEvent, "sequence" | "time">) =>
      this.#offer(format({ type: name, sequence, time, data } as StoreEvent)),
    )
  }

  /** What may be left out. */
  #offer(text: string): void {
    const isOpen = !this.#end.signal.aborted && !this.readableEnded
    if (isOpen && this.readableLength < ROOM) this.push(text)
  }

  readonly #finish = (): void => {
    this.#end.abort()
    this.#resume?.()
  }
}

function format(event: StoreEvent): string {
  const id = event.sequence === null ? "" : `id: ${event.sequence}\n`
  return `${id}event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
