/** Whatever comes one by one as lines of JSON, read only as fast as the reader takes them, with an empty line as sign of life while none comes. */
import { Readable } from "node:stream"
import { abortError, toStoredError } from "../core/error.ts"

export interface LineFeedOptions {
  /** ms between signs of life */
  heartbeat: number
  /** nobody waits for it any more: the feed is cut, also where the backend does not answer */
  signal: AbortSignal
}

type Turn = IteratorResult<unknown, unknown>

export class LineFeed extends Readable {
  readonly #entries: AsyncIterator<unknown>
  readonly #heartbeat: number
  readonly #signal: AbortSignal
  /** the entry that is waited for, over any number of signs of life */
  #turn: Promise<Turn>

  constructor(entries: AsyncIterable<unknown>, { heartbeat, signal }: LineFeedOptions) {
    super()
    this.#entries = entries[Symbol.asyncIterator]()
    this.#heartbeat = heartbeat
    this.#signal = signal
    this.#turn = this.#ask()
  }

  override _read(): void {
    void this.#give()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // It may hang in a backend that does not answer: nobody waits for its end.
    void Promise.resolve(this.#entries.return?.()).catch(() => {})
    done(error)
  }

  #ask(): Promise<Turn> {
    const turn = this.#entries.next()
    // Its failure is met when it is its turn.
    turn.catch(() => {})
    return turn
  }

  /** Never rejects: a failure breaks the stream, which before the first byte is an answer with the reason. */
  async #give(): Promise<void> {
    try {
      const turn = await this.#next()
      if (this.destroyed) return
      if (turn === null) return void this.push("\n")
      if (turn.done) return void this.push(null)
      this.#turn = this.#ask()
      this.push(`${JSON.stringify(turn.value)}\n`)
    } catch (error) {
      this.destroy(toStoredError(error))
    }
  }

  /** What comes next; null: nothing for the time of a heartbeat. */
  #next(): Promise<Turn | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Turn | null>()
    const cut = (): void => reject(abortError(this.#signal))
    const timer = setTimeout(() => resolve(null), this.#heartbeat)
    this.#signal.addEventListener("abort", cut, { once: true })
    if (this.#signal.aborted) cut()
    this.#turn.then(resolve, reject)
    return promise.finally(() => {
      clearTimeout(timer)
      this.#signal.removeEventListener("abort", cut)
    })
  }
}
