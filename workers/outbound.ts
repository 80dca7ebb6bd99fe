/** What waits to be said to the server, in order, each with whoever waits for its answer. */
import { MOST_IN_A_MESSAGE } from "../queues/exchange.ts"
import { abortError, type StoredError, TransientAdapterError, throwIfAborted } from "../src/core/error.ts"

/** One thing to say. It is over once it was answered, has failed, or nobody waits for it any more. */
export interface Said<Body, Answer> {
  readonly body: Body
  readonly bytes: number
  readonly isOver: boolean
  answer(answer: Answer): void
  fail(error: StoredError): void
}

export interface OutboundOptions {
  /** ms that one waits for its answer */
  patience: number
  /** told whenever there is something more to say */
  added(): void
}

export class Outbound<Body, Answer> {
  readonly #options: OutboundOptions
  readonly #open = new Set<Said<Body, Answer>>()
  #waiting: Said<Body, Answer>[] = []
  #closed: StoredError | null = null

  constructor(options: OutboundOptions) {
    this.#options = options
  }

  /** How many have no answer yet. */
  get size(): number {
    return this.#open.size
  }

  /** Whether something waits for the next message. */
  get hasMore(): boolean {
    return this.#waiting.length > 0
  }

  /** Resolves with the answer. `patience`: ms for this one, null for as long as it takes. @throws StoredError BACKEND_UNAVAILABLE once patience has ended, what `fail` and `close` were given, the reason of `signal` */
  async say(body: Body, options: { signal?: AbortSignal; patience?: number | null } = {}): Promise<Answer> {
    const { signal, patience = this.#options.patience } = options
    throwIfAborted(signal)
    if (this.#closed) throw this.#closed
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const open = this.#open
    let isOver = false
    const over = (): boolean => {
      if (isOver) return false
      isOver = true
      return open.delete(said)
    }
    const said: Said<Body, Answer> = {
      body,
      bytes: Buffer.byteLength(JSON.stringify(body)),
      get isOver() {
        return isOver
      },
      answer: (answer) => void (over() && resolve(answer)),
      fail: (error) => void (over() && reject(error)),
    }
    const { added } = this.#options
    const abort = (): void => said.fail(abortError(signal))
    const timer = patience === null ? undefined : setTimeout(() => said.fail(impatient(patience)), patience)
    signal?.addEventListener("abort", abort, { once: true })
    open.add(said)
    this.#waiting.push(said)
    added()
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener("abort", abort)
    }
  }

  /** The next ones for a message: at most `MOST_IN_A_MESSAGE`, of at most `bytes` together, at least one. */
  take(bytes: number): Said<Body, Answer>[] {
    const taken: Said<Body, Answer>[] = []
    let left = bytes
    this.#waiting = this.#waiting.filter((said) => !said.isOver)
    for (const said of this.#waiting) {
      if (taken.length === MOST_IN_A_MESSAGE || (taken.length > 0 && said.bytes > left)) break
      left -= said.bytes
      taken.push(said)
    }
    this.#waiting.splice(0, taken.length)
    return taken
  }

  /** They go first in the next message. */
  putBack(said: readonly Said<Body, Answer>[]): void {
    const left = said.filter(({ isOver }) => !isOver)
    this.#waiting.unshift(...left)
    if (left.length > 0) this.#options.added()
  }

  /** Fails what is left, and whatever comes later. */
  close(reason: StoredError): void {
    this.#closed = reason
    for (const said of [...this.#open]) said.fail(reason)
  }
}

function impatient(patience: number): StoredError {
  return new TransientAdapterError(`The server could not be told within ${patience} ms; see that it runs.`)
}
