/**
 * The starts of a queue's jobs under a rate limit: in no stretch of `per` ms, wherever it begins, are there more than `max`. Pure but for its own state;
 * times are handed in.
 */
import type { RateLimit } from "../src/core/rate-limit.ts"

export class Starts {
  readonly #limit: RateLimit
  /** UTC ms, a ring: `#oldest` is the place of the start that is forgotten first, and of the next one */
  readonly #times: number[]
  #oldest = 0

  constructor(limit: RateLimit) {
    this.#limit = limit
    this.#times = new Array<number>(limit.max).fill(Number.NEGATIVE_INFINITY)
  }

  /** How many of `wanted` jobs may start now. */
  admit(wanted: number, now: number): number {
    const most = Math.min(wanted, this.#limit.max)
    let count = 0
    while (count < most && this.opensAt(count + 1, now) <= now) count += 1
    return count
  }

  /** A job that was admitted starts. */
  started(now: number): void {
    this.#times[this.#oldest] = now
    this.#oldest = (this.#oldest + 1) % this.#limit.max
  }

  /** UTC ms from which so many may start together; infinite where that is more than ever may. */
  opensAt(count: number, now: number): number {
    const { max, per } = this.#limit
    if (count > max) return Number.POSITIVE_INFINITY
    const started = this.#times[(this.#oldest + count - 1) % max]!
    // The clock was set back since: the queue does not wait until it has caught up.
    return started > now ? now : started + per
  }
}
