/** Scans for what a watch has not heard: one scan at a time, and once more for what was missed after that one was asked for. */
import { toStoredError } from "../core/error.ts"
import type { StoreServices } from "./services.ts"

export class CatchingUp {
  readonly #services: StoreServices
  readonly #name: string
  readonly #signal: AbortSignal
  #isAsked = false
  #isRunning = false

  /** @param signal ends it together with the watch */
  constructor(services: StoreServices, name: string, signal: AbortSignal) {
    this.#services = services
    this.#name = name
    this.#signal = signal
  }

  ask(): void {
    this.#isAsked = true
    if (!this.#isRunning) void this.#run()
  }

  async #run(): Promise<void> {
    const { scans, log } = this.#services
    this.#isRunning = true
    while (this.#isAsked && !this.#signal.aborted) {
      this.#isAsked = false
      try {
        await scans.missed(this.#name)
      } catch (error) {
        log.warn(
          { backend: this.#name, error: toStoredError(error).toJSON() },
          "what a watch has missed waits for the next scan",
        )
      }
    }
    this.#isRunning = false
  }
}
