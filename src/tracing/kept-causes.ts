/** Causes of work under way, the newest ones of them: memory is bounded, and a store that was started anew knows none. */
import type { Causes } from "./tracer.ts"

/** About 200 bytes each. */
const MOST = 10_000

export class KeptCauses implements Causes {
  readonly #traces = new Map<string, string>()
  readonly #current: () => string | null
  readonly #most: number

  /** @param current traceparent of what is under way */
  constructor(current: () => string | null, most: number = MOST) {
    this.#current = current
    this.#most = most
  }

  note(subject: string): void {
    const trace = this.#current()
    this.#traces.delete(subject)
    if (trace === null) return
    this.#traces.set(subject, trace)
    if (this.#traces.size > this.#most) this.#traces.delete(this.#traces.keys().next().value!)
  }

  of(subject: string): string | null {
    return this.#traces.get(subject) ?? null
  }

  forget(subject: string): void {
    this.#traces.delete(subject)
  }
}
