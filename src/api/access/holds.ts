/** How many requests somebody has at a time, from their beginning until their answers are at their end: downloads, uploads and streams of events too. */
import type { ServerResponse } from "node:http"
import { tooMany } from "./gatekeeper.ts"

/** ms until it is worth to ask again */
const WAIT = 1_000

export class Holds {
  readonly #most: number
  readonly #held = new Map<string, number>()

  /** @param most for each name */
  constructor(most: number) {
    this.#most = most
  }

  /** One more, until its answer is closed. @param name a principal, or an address. @throws StoredError TOO_MANY_REQUESTS with `details.retryAfter` in s */
  hold(name: string, response: ServerResponse): void {
    if (response.destroyed) return
    const held = this.#held.get(name) ?? 0
    if (held >= this.#most) throw tooMany(`No more than ${this.#most} requests at a time; wait for some to end.`, WAIT)
    this.#held.set(name, held + 1)
    response.once("close", () => this.#leave(name))
  }

  #leave(name: string): void {
    const held = this.#held.get(name)! - 1
    if (held > 0) this.#held.set(name, held)
    else this.#held.delete(name)
  }
}
