/** Pieces of any source, out of its stream or of bytes that are in memory already, each in memory once. */
import type { BlobSource } from "../../core/blob-source.ts"
import { sourcePieces } from "../source-pieces.ts"
import type { Pieces } from "./pieces.ts"

export class PieceReader implements Pieces {
  readonly #chunks: AsyncGenerator<Uint8Array>
  readonly #seen: (bytes: Uint8Array) => void
  #rest: Uint8Array = new Uint8Array(0)
  #ended = false

  /** @param seen told of all bytes in their order */
  constructor(source: BlobSource, signal: AbortSignal | undefined, seen: (bytes: Uint8Array) => void) {
    this.#chunks = sourcePieces(source, 1, signal)
    this.#seen = seen
  }

  async read(size: number, memory: (bytes: number) => Buffer): Promise<Uint8Array> {
    if (this.#rest.byteLength === 0 && !this.#ended) await this.#fetch()
    // Bytes that are in memory already are not copied.
    if (this.#rest.byteLength >= size || this.#ended) return this.#give(this.#rest.subarray(0, size))
    const piece = memory(size)
    let filled = 0
    while (filled < size && (this.#rest.byteLength > 0 || (await this.#fetch()))) {
      const taken = this.#give(this.#rest.subarray(0, size - filled))
      piece.set(taken, filled)
      filled += taken.byteLength
    }
    return piece.subarray(0, filled)
  }

  async isAtEnd(): Promise<boolean> {
    return this.#rest.byteLength === 0 && !(await this.#fetch())
  }

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
