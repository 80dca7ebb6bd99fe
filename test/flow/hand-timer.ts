/** A timer whose time passes when a test lets it: nobody waits for real, and who waits can be waited for. */
import { abortError } from "../../src/core/error.ts"
import type { Timer } from "../../src/store/scan/timer.ts"

interface Sleeper {
  until: number
  wake(): void
}

export class HandTimer implements Timer {
  readonly #sleepers = new Set<Sleeper>()
  #now = 0
  #runs = false
  #slept = Promise.withResolvers<void>()

  now(): number {
    return this.#now
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw abortError(signal)
    await new Promise<void>((resolve, reject) => {
      const end = (): void => {
        this.#sleepers.delete(sleeper)
        signal.removeEventListener("abort", abort)
      }
      const abort = (): void => {
        end()
        reject(abortError(signal))
      }
      const wake = (): void => {
        end()
        resolve()
      }
      const sleeper = { until: this.#now + ms, wake }
      this.#sleepers.add(sleeper)
      signal.addEventListener("abort", abort, { once: true })
      this.#slept.resolve()
      if (this.#runs) setImmediate(() => this.#next())
    })
  }

  /** Resolves once somebody sleeps. */
  async asleep(): Promise<void> {
    while (this.#sleepers.size === 0) {
      this.#slept = Promise.withResolvers()
      await this.#slept.promise
    }
  }

  /** Lets so much time pass as the first of those who sleep has left. */
  async pass(): Promise<void> {
    await this.asleep()
    this.#next()
  }

  /** From now on whoever sleeps is woken at once, in order; that much time has passed then. */
  run(): void {
    this.#runs = true
    this.#next()
  }

  #next(): void {
    const first = [...this.#sleepers].sort((one, other) => one.until - other.until)[0]
    if (!first) return
    this.#now = Math.max(this.#now, first.until)
    first.wake()
    if (this.#runs) setImmediate(() => this.#next())
  }
}
