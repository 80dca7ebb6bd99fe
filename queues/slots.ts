/**
 * How many jobs of a queue run at a time, over all workers, and how long those wait that come too many.
 *
 * It is counted here and not by what carries the jobs: that would count the jobs of workers that were killed for as long as nobody else may have them, and
 * a backend that takes four at a time would stand still for that long after each death. Who has vanished makes room at once.
 */
import type { Claim } from "./claims.ts"

/** ms before whoever waits alone asks again */
const SHORTEST_WAIT = 20
/** ms more for each that waits: so that all of them together ask some 200 times a second */
const WAIT_OF_EACH = 5
const LONGEST_WAIT = 2_000

export class Slots {
  readonly #most: number
  readonly #isPresent: (worker: string) => boolean
  readonly #waiting = new Set<string>()
  /** that have been admitted and have no claim yet */
  #beginning = 0

  /** @param most jobs at a time; may be infinite */
  constructor(most: number, isPresent: (worker: string) => boolean) {
    this.#most = most
    this.#isPresent = isPresent
  }

  /** ms after which the parcel is to be claimed again, null where its job may begin now. */
  waitOf(jobId: string, claims: readonly Claim[]): number | null {
    const running = claims.filter(({ worker }) => this.#isPresent(worker)).length
    if (running + this.#beginning < this.#most) {
      this.#waiting.delete(jobId)
      return null
    }
    this.#waiting.add(jobId)
    return Math.min(SHORTEST_WAIT + WAIT_OF_EACH * this.#waiting.size, LONGEST_WAIT)
  }

  /** Holds a slot for as long as it is being found out what there is to do. */
  async begin<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#beginning += 1
    try {
      return await work()
    } finally {
      this.#beginning -= 1
    }
  }

  /** Whoever has given up would count as waiting for ever; those who wait tell it again. */
  recount(): void {
    this.#waiting.clear()
  }
}
