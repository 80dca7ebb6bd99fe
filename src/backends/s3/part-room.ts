/** Memory for parts: so many bytes of all uploads of a backend at the same time, so that any number of large objects takes no more. Waits in order. */
import { abortError, throwIfAborted } from "../../core/error.ts"

interface Waiter {
  bytes: number
  enter(): void
}

export class PartRoom {
  readonly #limit: number
  readonly #waiting: Waiter[] = []
  #used = 0

  /** @param limit bytes; something larger gets in alone */
  constructor(limit: number) {
    this.#limit = limit
  }

  get used(): number {
    return this.#used
  }

  /** Waits for room and takes it. @throws StoredError the reason of `signal` */
  async enter(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    throwIfAborted(signal)
    if (this.#waiting.length === 0 && this.#fits(bytes)) return this.#take(bytes)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter: Waiter = { bytes, enter: resolve }
    const leave = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
      reject(abortError(signal))
      this.#admit()
    }
    this.#waiting.push(waiter)
    signal?.addEventListener("abort", leave, { once: true })
    waiter.enter = () => {
      signal?.removeEventListener("abort", leave)
      resolve()
    }
    await promise
  }

  leave(bytes: number): void {
    this.#used -= bytes
    this.#admit()
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#take(next.bytes)
      next.enter()
    }
  }

  #fits(bytes: number): boolean {
    return this.#used === 0 || this.#used + bytes <= this.#limit
  }

  #take(bytes: number): void {
    this.#used += bytes
  }
}
