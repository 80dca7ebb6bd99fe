/** How many calls are under way, for whoever closes and waits for them. */
export class ActiveCalls {
  #active = 0
  #quiet: (() => void) | null = null

  /** A call begins. Returns what ends it. */
  enter(): () => void {
    this.#active += 1
    return () => {
      this.#active -= 1
      if (this.#active === 0) this.#quiet?.()
    }
  }

  /** Resolves when no call is under way any more, or after `deadline` ms. */
  async quiet(deadline: number): Promise<void> {
    if (this.#active === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadline)
      this.#quiet = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
