/**
 * What a scan has left to be read, told from what a watch goes on to tell of: a folder that is written to all the time always has something to be looked at, and is known all
 * the same as it was when its last scan began, once everything was read that waited when the listing ended.
 */
export class Owed {
  #number: number | null = null
  #keys = new Set<string>()

  /**
   * A look at every place has ended that began behind the listing. Whether nothing is owed any more.
   * @param number of the scan
   * @param left those that could not be read
   */
  settle(number: number, left: ReadonlySet<string>): boolean {
    this.#keys = new Set(this.#number === number ? [...this.#keys].filter((key) => left.has(key)) : left)
    this.#number = number
    return this.#keys.size === 0
  }
}
