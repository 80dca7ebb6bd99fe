/**
 * Whether the bytes of a body come fast enough, as a whole. A client that drips a byte at a time is never silent, and would hold its connection and a temporary file for as long as it likes. Only time counts in which we wait for the client, never
 * time in which it waits for us.
 */
import type { ApiLimits } from "./limits.ts"

export type PaceLimits = Pick<ApiLimits, "leastRate" | "leastRateAfter">

export class UploadPace {
  readonly #limits: PaceLimits
  readonly #now: () => number
  /** ms */
  #waited = 0
  #since: number | null = null

  /** @param now ms that never go back */
  constructor(limits: PaceLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
  }

  /** From now on the client is waited for. */
  wait(): void {
    this.#since ??= this.#now()
  }

  /** From now on the client waits for us. */
  rest(): void {
    if (this.#since === null) return
    this.#waited += this.#now() - this.#since
    this.#since = null
  }

  /** @param received bytes so far */
  isTooSlow(received: number): boolean {
    const { leastRate, leastRateAfter } = this.#limits
    const waited = this.#waited + (this.#since === null ? 0 : this.#now() - this.#since)
    return waited > leastRateAfter && received < (leastRate * waited) / 1_000
  }
}
