/** The calls of a client that are under way: refused once it closes, waited for until then. */
import { toStoredError } from "../core/error.ts"
import { closed } from "./link.ts"

export class Calls {
  readonly #closing = new AbortController()
  #active = 0
  #quiet: (() => void) | null = null

  /** Fires when the client closes, with CLOSED; waits end with it. */
  get closing(): AbortSignal {
    return this.#closing.signal
  }

  /** @throws StoredError CLOSED, and what `work` throws, typed */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing.signal.aborted) throw closed()
    this.#active += 1
    try {
      return await work()
    } catch (error) {
      throw toStoredError(error)
    } finally {
      this.#active -= 1
      if (this.#active === 0) this.#quiet?.()
    }
  }

  /** Refuses new calls and resolves when none is under way, or after `deadline` ms. */
  async close(deadline: number): Promise<void> {
    this.#closing.abort(closed())
    if (this.#active === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadline)
      this.#quiet = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
