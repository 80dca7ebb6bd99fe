/** The calls of a client that are under way: refused once it closes, waited for until then. */
import { ActiveCalls } from "../core/active-calls.ts"
import { toStoredError } from "../core/error.ts"
import { closed } from "./link.ts"

export class Calls {
  readonly #closing = new AbortController()
  readonly #active = new ActiveCalls()

  /** Fires when the client closes, with CLOSED; waits end with it. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** @throws StoredError CLOSED, and what `work` throws, typed */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing.signal.aborted) throw closed()
    const leave = this.#active.enter()
    try {
      return await work()
    } catch (error) {
      throw toStoredError(error)
    } finally {
      leave()
    }
  }

  /** Refuses new calls and resolves when none is under way, or after `deadline` ms. */
  async close(deadline: number): Promise<void> {
    this.#closing.abort(closed())
    await this.#active.quiet(deadline)
  }
}
