/**
 * A stream over an open file that says what went wrong in our words. It gives exactly the bytes it was made for: a file that shrinks meanwhile
 * breaks the stream instead of ending it early. Closes the file when it ends, fails or is destroyed.
 */
import { Readable } from "node:stream"
import type { ByteRange } from "../../core/blob-source.ts"
import { StoredError, TransientAdapterError } from "../../core/error.ts"
import { mayFailUnheard } from "../../core/unheard.ts"
import { close, read } from "./calls.ts"
import { fsError } from "./error.ts"

const PIECE = 256 * 1024

export class FileStream extends Readable {
  readonly #fd: number
  readonly #end: number
  readonly #key: string
  readonly #signal: AbortSignal | undefined
  readonly #abort = (): void => {
    this.destroy(new StoredError("ABORTED", "The read was aborted.", { cause: this.#signal?.reason }))
  }
  #position: number
  /** A descriptor must not be closed under a read: the number may already be another file's. */
  #reading: Promise<void> = Promise.resolve()

  /** Takes over the descriptor. */
  constructor(fd: number, range: ByteRange, key: string, signal: AbortSignal | undefined) {
    super({ highWaterMark: PIECE })
    this.#fd = fd
    this.#position = range.start
    this.#end = range.end
    this.#key = key
    this.#signal = signal
    mayFailUnheard(this)
    signal?.addEventListener("abort", this.#abort, { once: true })
    if (signal?.aborted) this.#abort()
  }

  override _read(): void {
    this.#reading = this.#next()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#signal?.removeEventListener("abort", this.#abort)
    this.#reading
      .then(() => close(this.#fd))
      .then(
        () => done(error),
        (failure: unknown) => done(error ?? fsError(failure, `read "${this.#key}"`)),
      )
  }

  async #next(): Promise<void> {
    const length = Math.min(PIECE, this.#end - this.#position)
    if (length === 0) {
      this.push(null)
      return
    }
    const buffer = Buffer.allocUnsafeSlow(length)
    try {
      const count = await read(this.#fd, buffer, 0, length, this.#position)
      this.#position += count
      if (count === 0)
        this.destroy(new TransientAdapterError(`"${this.#key}" became shorter while it was read; read it again.`))
      else this.push(count === length ? buffer : buffer.subarray(0, count))
    } catch (error) {
      this.destroy(fsError(error, `read "${this.#key}"`))
    }
  }
}
