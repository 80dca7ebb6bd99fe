/**
 * Places that could not be read because somebody writes to them (rows 34, 35). Each is left alone for a while that grows each time, up to a bound, so that a file that
 * never rests costs little for ever, however large it is, and one that is done soon is taken in soon. Who hears of such a place again need not look before that.
 *
 * Kept in memory: after a restart each begins anew.
 */
/** ms of the longest pause of a place whose state tells without a read that it is written to */
const LONGEST = 30_000
/** bytes a second that are read in vain at most, of one file, in the long run; ms beyond which no file waits all the same */
const VAIN_RATE = 4 * 2 ** 20
const LONGEST_VAIN = 6 * 3_600_000
/** Places that are remembered; the oldest ones beyond are looked at as if for the first time. */
const MOST_PLACES = 10_000

interface Place {
  times: number
  /** of the clock, ms */
  until: number
}

export class Unrest {
  readonly #places = new Map<string, Place>()
  readonly #clock: { now(): number }
  /** ms of the first pause, doubled each time */
  readonly #first: number

  /**
   * @param settle ms for which a file is left alone after it was written to
   * @param clock one that is never set back, ms
   */
  constructor(settle: number, clock: { now(): number } = performance) {
    this.#first = settle / 2
    this.#clock = clock
  }

  /** Whether there are more than are remembered. */
  get isFull(): boolean {
    return this.#places.size >= MOST_PLACES
  }

  /** How many places are written to, as far as they are remembered. */
  get size(): number {
    return this.#places.size
  }

  has(key: string): boolean {
    return this.#places.has(key)
  }

  /** Whether it is to be left alone now. */
  isResting(key: string): boolean {
    const place = this.#places.get(key)
    return place !== undefined && place.until > this.#clock.now()
  }

  /** It is written to. @param vain bytes that were read for nothing */
  leave(key: string, vain = 0): void {
    const times = this.#places.get(key)?.times ?? 0
    const most = Math.max(LONGEST, this.#first, Math.min((vain / VAIN_RATE) * 1000, LONGEST_VAIN))
    this.#places.delete(key)
    this.#places.set(key, { times: times + 1, until: this.#clock.now() + Math.min(this.#first * 2 ** times, most) })
    if (this.#places.size > MOST_PLACES) this.#places.delete(this.#places.keys().next().value!)
  }

  /** It rests, or is gone. */
  settle(key: string): void {
    this.#places.delete(key)
  }

  /** Only these still wait to be looked at. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#places.keys()) if (!keys.has(key)) this.#places.delete(key)
  }

  /** ms until the first of them may be looked at; null where there is none. */
  next(): number | null {
    let first: number | null = null
    for (const { until } of this.#places.values()) if (first === null || until < first) first = until
    return first === null ? null : Math.max(0, first - this.#clock.now())
  }
}
