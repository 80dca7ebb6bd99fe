/** How much of a backend is read for its checksums, and when: so many bytes a second, at certain times of day. */
import type { ScanRules } from "../../core/scan-settings.ts"
import { systemTimer, type Timer } from "./timer.ts"

/** Most bytes that are read in one go while there is a bound: what is more is read piece by piece, so that the bound holds at every moment. */
const MOST = 4 * 2 ** 20
/** and the fewest, however low the rate */
const LEAST = 64 * 2 ** 10
const MINUTE = 60_000
const DAY = 24 * 60

export interface BudgetClock {
  /** UTC ms */
  now(): number
}

export class Budget {
  readonly #rate: ScanRules["rate"]
  readonly #between: ScanRules["between"]
  readonly #clock: BudgetClock
  readonly #timer: Timer
  /** until when (of the timer, ms) what was read takes */
  #until = 0

  constructor({ rate, between }: Pick<ScanRules, "rate" | "between">, clock: BudgetClock, timer: Timer = systemTimer) {
    this.#rate = rate
    this.#between = between
    this.#clock = clock
    this.#timer = timer
  }

  /** Whether as much as there is may be read now. */
  get isFree(): boolean {
    return this.#rate === null && this.untilOpen() === 0
  }

  /** Bytes that may be read without asking in between: about a second's. */
  get atOnce(): number {
    if (this.#rate !== null) return Math.min(MOST, Math.max(LEAST, this.#rate))
    return this.#between ? MOST : Number.POSITIVE_INFINITY
  }

  /** ms until something may be read; 0 where it may be now. */
  untilOpen(): number {
    if (!this.#between) return 0
    const { from, to } = this.#between
    const date = new Date(this.#clock.now())
    const minute = date.getHours() * 60 + date.getMinutes()
    const isIn = from < to ? minute >= from && minute < to : minute >= from || minute < to
    if (isIn) return 0
    const ahead = (from - minute + DAY) % DAY
    return ahead * MINUTE - date.getSeconds() * 1000 - date.getMilliseconds()
  }

  /** Resolves when so many bytes may be read. @throws StoredError ABORTED */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    for (let wait = this.untilOpen(); wait > 0; wait = this.untilOpen()) {
      // A clock that is set, or daylight saving, is noticed within the hour.
      await this.#timer.sleep(Math.min(wait, 60 * MINUTE), signal)
    }
    if (this.#rate === null) return
    const now = this.#timer.now()
    const begin = Math.max(now, this.#until)
    this.#until = begin + (bytes / this.#rate) * 1000
    if (begin > now) await this.#timer.sleep(begin - now, signal)
  }
}
