/** Whether the store takes calls: starting, ready, closing, or broken because a commit's outcome is unknown (P3). */
import { StoredError } from "../core/error.ts"

export class Lifecycle {
  #state: "starting" | "ready" | "closing" = "starting"
  #fault: StoredError | null = null
  readonly #closing = new AbortController()
  readonly #onFault: (error: StoredError) => void
  #active = 0
  #quiet: (() => void) | null = null

  /** @param onFault told once when the store can no longer be trusted; the process should stop and start again */
  constructor(onFault: (error: StoredError) => void) {
    this.#onFault = onFault
  }

  get state(): "starting" | "ready" | "closing" {
    return this.#state
  }

  /** Fires when the store closes; every wait inside the store ends with it. */
  get signal(): AbortSignal {
    return this.#closing.signal
  }

  ready(): void {
    this.#state = "ready"
  }

  close(): void {
    this.#state = "closing"
    this.#closing.abort(closed())
  }

  /** @throws StoredError CLOSED, COMMIT_UNKNOWN */
  requireOpen(): void {
    if (this.#fault) throw this.#fault
    if (this.#state === "closing") throw closed()
  }

  /** A call begins; whoever closes waits for it. Returns what ends it. */
  enter(): () => void {
    this.#active += 1
    return () => {
      this.#active -= 1
      if (this.#active === 0) this.#quiet?.()
    }
  }

  /** Resolves when no call is under way any more, or after `deadline` ms. */
  async quiet(deadline: number): Promise<void> {
    if (this.#active === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadline)
      this.#quiet = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  fail(error: StoredError): void {
    if (this.#fault) return
    this.#fault = error
    this.#onFault(error)
  }
}

function closed(): StoredError {
  return new StoredError("CLOSED", "The store is closed; open a new one with createStore.")
}
