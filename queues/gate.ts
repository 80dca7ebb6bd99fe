/**
 * Whether a queue's next job may begin: not while its backend is paused, not faster than its rate limit, and as its breaker says. Whoever is held back
 * waits in the outbox; no try is burnt. In both shapes all jobs of a queue begin in one process, so that the gate knows each of them (decision 0008).
 */
import type { RateLimit } from "../src/core/rate-limit.ts"
import type { Breaker } from "./breaker.ts"
import { Starts } from "./starts.ts"

export interface GateOptions {
  breaker: Breaker
  rateLimit: RateLimit | null
  paused: boolean
}

export class Gate {
  readonly #breaker: Breaker
  readonly #starts: Starts | null
  #paused: boolean

  constructor({ breaker, rateLimit, paused }: GateOptions) {
    this.#breaker = breaker
    this.#starts = rateLimit && new Starts(rateLimit)
    this.#paused = paused
  }

  get isPaused(): boolean {
    return this.#paused
  }

  /** Whether jobs that are out may have to wait for others. */
  get isLimited(): boolean {
    return this.#starts !== null
  }

  /** What runs goes on; nothing more begins. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
  }

  /** How many of `wanted` jobs may start now. */
  admit(wanted: number, now: number): number {
    if (this.#paused) return 0
    const allowed = this.#starts?.admit(wanted, now) ?? wanted
    return allowed === 0 ? 0 : this.#breaker.admit(allowed, now)
  }

  /** A job that was admitted starts, whatever comes of it. */
  started(now: number): void {
    this.#starts?.started(now)
  }

  /** UTC ms from which `count` jobs may start together, as far as it is known now; infinite where time alone never brings that. */
  opensAt(count: number, now: number): number {
    if (this.#paused) return Number.POSITIVE_INFINITY
    return Math.max(this.#breaker.retryAt ?? 0, this.#starts?.opensAt(count, now) ?? 0)
  }
}
