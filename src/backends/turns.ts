/** One at a time for each key, in the order in which they come; different keys do not wait for each other. */
export class Turns {
  /** key → the end of the last one that came */
  readonly #turns = new Map<string, Promise<unknown>>()

  async take<Value>(key: string, run: () => Promise<Value>): Promise<Value> {
    const before = this.#turns.get(key)
    const turn = (before ?? Promise.resolve()).then(run, run)
    this.#turns.set(key, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key)
    }
  }
}
