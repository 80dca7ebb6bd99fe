/**
 * The items of pages, one by one. An async generator inside another waits three times for each item that it hands on; this one waits for a page.
 */
export class PagedItems<Item> implements AsyncGenerator<Item, void, undefined> {
  readonly #pages: AsyncGenerator<Item[], void, undefined>
  #page: Item[] = []
  #next = 0
  /** the last of the calls that wait for a page; those behind it wait too, so that the order holds */
  #waiting: Promise<IteratorResult<Item, void>> | null = null

  constructor(pages: AsyncGenerator<Item[], void, undefined>) {
    this.#pages = pages
  }

  next(): Promise<IteratorResult<Item, void>> {
    if (this.#waiting === null && this.#next < this.#page.length) {
      return Promise.resolve({ done: false, value: this.#page[this.#next++]! })
    }
    return this.#wait(() => this.#turn())
  }

  return(): Promise<IteratorResult<Item, void>> {
    return this.#wait(async () => {
      this.#page = []
      await this.#pages.return()
      return { done: true, value: undefined }
    })
  }

  throw(error: unknown): Promise<IteratorResult<Item, void>> {
    return this.#wait(async () => {
      this.#page = []
      await this.#pages.throw(error)
      return { done: true, value: undefined }
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #wait(work: () => Promise<IteratorResult<Item, void>>): Promise<IteratorResult<Item, void>> {
    const result = this.#waiting === null ? work() : this.#waiting.then(work, work)
    const done = () => {
      if (this.#waiting === result) this.#waiting = null
    }
    this.#waiting = result
    result.then(done, done)
    return result
  }

  async #turn(): Promise<IteratorResult<Item, void>> {
    while (this.#next >= this.#page.length) {
      const { done, value } = await this.#pages.next()
      this.#next = 0
      this.#page = value ?? []
      if (done) return { done: true, value: undefined }
    }
    return { done: false, value: this.#page[this.#next++]! }
  }
}
