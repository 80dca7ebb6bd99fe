/**
 * A circuit breaker for one backend. Passing faults in a row, of more than one job, open it: nothing is tried for a while, and no attempts are burnt. Then
 * one job is let through as a probe; if it succeeds the breaker closes, otherwise it opens for longer. Pure but for its own state;
 * times are handed in.
 *
 *   closed --N faults in a row--> open --time over--> half-open --success--> closed
 *                                   ^-----------------fault------'
 *
 * A backend that says when to come again is held besides: it is as open until then, whatever its jobs tell meanwhile, probes wait too, and then it goes on as before.
 */
export type BreakerState = "closed" | "open" | "half-open"

export interface BreakerOptions {
  /** passing faults in a row that open it */
  threshold: number
  /** ms of the first pause; each further one is twice as long */
  pause: number
  /** ms of the longest pause */
  maxPause: number
}

/** ms that a backend is held at most, however long it says */
const LONGEST_HOLD = 900_000

export const DEFAULT_BREAKER: BreakerOptions = { threshold: 5, pause: 2_000, maxPause: 300_000 }

export class Breaker {
  #state: BreakerState = "closed"
  #faults = 0
  /** what failed since the last success; one poisoned job alone is no outage */
  readonly #failing = new Set<string>()
  #openings = 0
  #retryAt = 0
  #probing = false
  /** UTC ms, null where nothing holds it */
  #heldUntil: number | null = null
  #told: BreakerState = "closed"
  readonly #options: BreakerOptions
  readonly #changed: (state: BreakerState) => void

  constructor(options: BreakerOptions, changed: (state: BreakerState) => void) {
    this.#options = options
    this.#changed = changed
  }

  get state(): BreakerState {
    return this.#heldUntil === null ? this.#state : "open"
  }

  /** UTC ms at which an open breaker lets something through again, null where it is not open. */
  get retryAt(): number | null {
    const own = this.#state === "open" ? this.#retryAt : null
    return this.#heldUntil === null ? own : Math.max(this.#heldUntil, own ?? 0)
  }

  /** UTC ms before which the backend asked not to be asked, null where it has not, or the time is over and something has begun since. */
  get heldUntil(): number | null {
    return this.#heldUntil
  }

  /** The backend asks to be left alone for `delay` ms. */
  hold(now: number, delay: number): void {
    this.#heldUntil = Math.max(this.#heldUntil ?? 0, now + Math.min(delay, LONGEST_HOLD))
    this.#tell()
  }

  /** How many of `wanted` jobs may start now. */
  admit(wanted: number, now: number): number {
    if (this.#heldUntil !== null) {
      if (now < this.#heldUntil) return 0
      this.#heldUntil = null
      this.#tell()
    }
    if (this.#state === "closed") return wanted
    if (this.#state === "open" && now >= this.#retryAt) this.#move("half-open")
    if (this.#state === "half-open" && !this.#probing && wanted > 0) return 1
    return 0
  }

  /** A job that was admitted has started. */
  started(): void {
    if (this.#state === "half-open") this.#probing = true
  }

  /** A job came through, or failed for a reason of its own: the backend answers. */
  succeeded(): void {
    this.#faults = 0
    this.#failing.clear()
    this.#openings = 0
    this.#probing = false
    this.#move("closed")
  }

  /** A job met a passing fault. True where the fault is the backend's rather than the job's: the try does not count. */
  faulted(now: number, subject: string): boolean {
    const wasClosed = this.#state === "closed"
    this.#faults += 1
    if (this.#failing.size < 2) this.#failing.add(subject)
    this.#probing = false
    if (wasClosed && (this.#faults < this.#options.threshold || this.#failing.size < 2)) return false
    if (this.#state === "open") return true
    this.#retryAt = now + Math.min(this.#options.pause * 2 ** Math.min(this.#openings, 30), this.#options.maxPause)
    this.#openings += 1
    this.#move("open")
    return true
  }

  /** A started job ended without saying anything about the backend (it was aborted). */
  abandoned(): void {
    this.#probing = false
  }

  #move(state: BreakerState): void {
    this.#state = state
    this.#tell()
  }

  #tell(): void {
    const { state } = this
    if (this.#told === state) return
    this.#told = state
    this.#changed(state)
  }
}
