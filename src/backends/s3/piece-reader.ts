/**
 * Reads a source once, in pieces of exactly the size that is asked for, each in memory once. Told of every chunk on the way, so that what is hashed is
 * what is sent.
 */
import type { BlobSource } from "../../core/blob-source.ts"
import { sourcePieces } from "../source-pieces.ts"

export class PieceReader {
  readonly #chunks: AsyncGenerator<Uint8Array>
  readonly #seen: (bytes: Uint8Array) => void
  #rest: Uint8Array = new Uint8Array(0)
  #ended = false

  /** @param seen told of all bytes in their order */
  constructor(source: BlobSource, signal: AbortSignal | undefined, seen: (bytes: Uint8Array) => void) {
    this.#chunks = sourcePieces(source, 1, signal)
    this.#seen = seen
  }

  /** The next `size` bytes; fewer only at the end. @throws StoredError SOURCE_FAILED, SIZE_MISMATCH, ABORTED */
  async read(size: number): Promise<Uint8Array> {
    if (this.#rest.byteLength === 0 && !this.#ended) await this.#fetch()
    // Bytes that are in memory already are not copied.
    if (this.#rest.byteLength >= size || this.#ended) return this.#give(this.#rest.subarray(0, size))
    const piece = Buffer.allocUnsafeSlow(size)
    let filled = 0
    while (filled < size && (this.#rest.byteLength > 0 || (await this.#fetch()))) {
      const taken = this.#give(this.#rest.subarray(0, size - filled))
      piece.set(taken, filled)
      filled += taken.byteLength
    }
    return piece.subarray(0, filled)
  }

  /** Whether the source has no more. @throws StoredError SIZE_MISMATCH where it has not the size that it declared */
  async isAtEnd(): Promise<boolean> {
    return this.#rest.byteLength === 0 && !(await this.#fetch())
  }

  /** Ends the source wherever it is. */
  async close(): Promise<void> {
    await this.#chunks.return(undefined)
  }

  #give(bytes: Uint8Array): Uint8Array {
    this.#seen(bytes)
    this.#rest = this.#rest.subarray(bytes.byteLength)
    return bytes
  }

  async #fetch(): Promise<boolean> {
    while (!this.#ended && this.#rest.byteLength === 0) {
      const next = await this.#chunks.next()
      if (next.done) this.#ended = true
      else this.#rest = next.value
    }
    return this.#rest.byteLength > 0
  }
}
