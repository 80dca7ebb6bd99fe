/**
 * Memory for parts: so many bytes of all uploads of a backend at the same time, so that any number of large objects takes no more. Waits in order. Blocks of
 * the size of a part are used again as long as anything is under way, and one of them after it: fresh ones cost the system as much as the copy into them, and
 * stay until they are collected. They begin at a page, as reading past the page cache wants it.
 */
import { AlignedBuffers } from "../../core/aligned-buffers.ts"
import { BLOCK_BYTES } from "../../core/direct-file.ts"
import { abortError, throwIfAborted } from "../../core/error.ts"

/** Room that was entered, and its memory. */
export interface Seat {
  /** So many bytes, with anything in them. @param bytes no more than were entered with */
  memory(bytes: number): Buffer
  /** Nobody uses the memory any more. To be called once. */
  leave(): void
}

interface Waiter {
  bytes: number
  enter(): void
}

export class PartRoom {
  readonly #limit: number
  readonly #waiting: Waiter[] = []
  readonly #block: number
  #free: Buffer[] = []
  #used = 0

  /**
   * @param limit bytes; something larger gets in alone
   * @param block bytes of the blocks that are used again
   */
  constructor(limit: number, block: number) {
    this.#limit = limit
    this.#block = block
  }

  get used(): number {
    return this.#used
  }

  /** Waits for room and takes it. @throws StoredError the reason of `signal` */
  async enter(bytes: number, signal: AbortSignal | undefined): Promise<Seat> {
    throwIfAborted(signal)
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#take(bytes)
      return this.#seat(bytes)
    }
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
    return this.#seat(bytes)
  }

  #seat(bytes: number): Seat {
    let block: Buffer | null = null
    return {
      memory: (size) => {
        // Much less than a block is not worth one.
        if (size > this.#block || size < this.#block / 8) return Buffer.allocUnsafeSlow(size)
        block ??= this.#free.pop() ?? makeBlock(this.#block)
        return block.subarray(0, size)
      },
      leave: () => {
        this.#used -= bytes
        if (block) this.#free.push(block)
        if (this.#used === 0) this.#free = this.#free.slice(0, 1)
        this.#admit()
      },
    }
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

function makeBlock(bytes: number): Buffer {
  try {
    return new AlignedBuffers(Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES, 1).take()
  } catch (error) {
    // There may be no address space for so much of it. Where memory begins is a matter of speed only.
    if (error instanceof RangeError) return Buffer.allocUnsafeSlow(bytes)
    throw error
  }
}
