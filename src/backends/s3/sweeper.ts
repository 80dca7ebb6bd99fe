/** Sweeps now and then while a backend is used: uploads that were broken off, and that nobody goes on with, cost money for ever. */
import { isStoredError } from "../../core/error.ts"
import type { Uploads } from "./uploads.ts"

/** ms; a sweep of nothing is one request */
const EVERY = 1_800_000

export class Sweeper {
  readonly #uploads: Pick<Uploads, "sweep">
  readonly #control = new AbortController()
  #running: Promise<void> = Promise.resolve()
  #next = 0

  constructor(uploads: Pick<Uploads, "sweep">) {
    this.#uploads = uploads
  }

  /** Begins to sweep where the last time is long ago; returns at once. */
  sweepSoon(): void {
    const now = performance.now()
    if (now < this.#next || this.#control.signal.aborted) return
    this.#next = now + EVERY
    this.#running = this.#sweep()
  }

  /** Ends a sweep that is under way. */
  async stop(): Promise<void> {
    this.#control.abort()
    await this.#running
  }

  async #sweep(): Promise<void> {
    try {
      await this.#uploads.sweep(this.#control.signal)
    } catch (error) {
      // Nothing that is used depends on it; it is tried again the next time.
      if (!isStoredError(error)) throw error
    }
  }
}
