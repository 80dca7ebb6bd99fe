/** Whether the store takes calls: starting, ready, closing, or broken because a commit's outcome is unknown (P3). */
import { ActiveCalls } from "../core/active-calls.ts"
import { StoredError } from "../core/error.ts"

export class Lifecycle {
  #state: "starting" | "ready" | "closing" = "starting"
  #fault: StoredError | null = null
  readonly #closing = new AbortController()
  readonly #onFault: (error: StoredError) => void
  readonly #active = new ActiveCalls()

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
    return this.#active.enter()
  }

  /** Resolves when no call is under way any more, or after `deadline` ms. */
  quiet(deadline: number): Promise<void> {
    return this.#active.quiet(deadline)
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
