/** A moment at which nothing runs, and whoever waits for it. */
export class Quiet {
  #reached: (() => void) | null = null

  /** Resolves at the next such moment, or after `deadline` ms. */
  async wait(deadline: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#reached = resolve
    const timer = setTimeout(resolve, deadline)
    await promise
    clearTimeout(timer)
  }

  reached(): void {
    this.#reached?.()
  }
}
