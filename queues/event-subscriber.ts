/**
 * Every event of a server in another process: live over Redis pub/sub, and from the journal what was missed while this process, Redis or the
 * server was away. An event that states a fact is told once, in the order in which it was learned; hints (no sequence) are told only live.
 */
import { abortError } from "../src/core/error.ts"
import type { StoreEvent } from "../src/core/event.ts"
import { decodeEvent } from "./event-message.ts"
import { connectRedis } from "./redis.ts"

export interface EventSubscriberOptions {
  /** of Redis */
  url: string
  channel: string
  /** journal sequence behind which everything is told */
  after: number
  /** the events of the journal behind a sequence, up to its end now */
  past(after: number, signal: AbortSignal): AsyncIterable<StoreEvent>
  listener(event: StoreEvent): void
  /** told of what it goes on after: a lost connection, a journal that cannot be read now */
  onError(error: unknown): void
}

export interface EventSubscriber {
  /** Resolves once all of the past is told and the channel is heard. */
  caughtUp(): Promise<void>
  close(): void
}

/** Sequences that are remembered as told; live ones may come in another order than the journal's, but not by more than that. */
const REMEMBERED = 20_000
const LOOK_BACK = 1_000
/** ms until the journal is asked again */
const AGAIN_AFTER = 1_000

export function subscribeEvents(options: EventSubscriberOptions): EventSubscriber {
  return new Subscriber(options)
}

class Subscriber implements EventSubscriber {
  readonly #options: EventSubscriberOptions
  readonly #redis
  readonly #end = new AbortController()
  readonly #told = new Set<number>()
  #highest: number
  #life: string | null = null
  #number = 0
  /** live events that wait until the past is told; null: nothing is being read */
  #held: StoreEvent[] | null = null
  #again = false
  #waiters: PromiseWithResolvers<void>[] = []
  #heard = false

  constructor(options: EventSubscriberOptions) {
    this.#options = options
    this.#highest = options.after
    this.#redis = connectRedis(
      options.url,
      { autoResubscribe: false, maxRetriesPerRequest: null },
      { lost: (error) => this.#lost(error), found: () => {} },
    )
    this.#redis.on("message", (_channel, text) => this.#take(text))
    this.#redis.on("close", () => {
      this.#heard = false
    })
    // The past is read after the subscription holds, so that nothing falls between them.
    this.#redis.on("ready", () => {
      this.#redis.subscribe(options.channel).then(
        () => {
          this.#heard = true
          this.#catchUp()
        },
        (error: unknown) => this.#lost(error),
      )
    })
  }

  caughtUp(): Promise<void> {
    if (this.#heard && this.#held === null) return Promise.resolve()
    const waiter = Promise.withResolvers<void>()
    this.#waiters.push(waiter)
    return waiter.promise
  }

  close(): void {
    this.#end.abort()
    this.#redis.disconnect()
    for (const waiter of this.#waiters.splice(0)) waiter.reject(abortError(this.#end.signal))
  }

  #lost(error: unknown): void {
    if (!this.#end.signal.aborted) this.#options.onError(error)
  }

  #take(text: string): void {
    const message = decodeEvent(text)
    if (!message || this.#end.signal.aborted) return
    const { event, life, number } = message
    const expected = event ? this.#number + 1 : this.#number
    // The first of a life may follow some that could not be sent.
    const missed = life !== this.#life || number !== expected
    this.#life = life
    this.#number = number
    if (missed) this.#catchUp()
    if (!event) return
    if (this.#held) this.#held.push(event)
    else this.#tell(event)
  }

  #catchUp(): void {
    if (this.#held) {
      this.#again = true
      return
    }
    this.#held = []
    void this.#readPast()
  }

  async #readPast(): Promise<void> {
    const { signal } = this.#end
    do {
      this.#again = false
      try {
        const from = Math.max(this.#options.after, this.#highest - LOOK_BACK)
        for await (const event of this.#options.past(from, signal)) {
          if (signal.aborted) return
          this.#tell(event)
        }
      } catch (error) {
        if (signal.aborted) return
        this.#options.onError(error)
        await pause(AGAIN_AFTER, signal)
        if (signal.aborted) return
        this.#again = true
      }
    } while (this.#again)
    const held = this.#held ?? []
    this.#held = null
    for (const event of held) this.#tell(event)
    if (!this.#heard) return
    for (const waiter of this.#waiters.splice(0)) waiter.resolve()
  }

  #tell(event: StoreEvent): void {
    const { sequence } = event
    if (sequence !== null) {
      if (sequence <= this.#options.after || this.#told.has(sequence)) return
      this.#told.add(sequence)
      this.#highest = Math.max(this.#highest, sequence)
      if (this.#told.size > REMEMBERED) this.#told.delete(this.#told.values().next().value!)
    }
    try {
      this.#options.listener(event)
    } catch (error) {
      this.#options.onError(error)
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener("abort", done)
      resolve()
    }
    signal.addEventListener("abort", done, { once: true })
    if (signal.aborted) done()
  })
}
