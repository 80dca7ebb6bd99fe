/**
 * Writes a stream's chunks into a temporary file and hashes them: they are gathered in pieces, and one piece is hashed and written while the next is
 * gathered. What must be durable goes past the page cache once it is large. Memory is two pieces of half a mebibyte.
 */
import { AlignedBuffers } from "../core/aligned-buffers.ts"
import type { ChecksumAlgorithm, Checksums, Hasher, HasherFactory } from "../core/checksum.ts"
import { DIRECT_BYTES, DirectFile } from "../core/direct-file.ts"
import { algorithmsOf } from "./content-id.ts"
import type { ReceiveOptions } from "./staging.ts"
import { fsync, writeAll } from "./system-calls.ts"
import { storageError } from "./system-error.ts"

const PIECE = 512 * 1024
const pieces = new AlignedBuffers(PIECE, 8)

export class StreamWriter {
  readonly #fd: number
  readonly #durable: boolean
  readonly #hashers: [ChecksumAlgorithm, Hasher][]
  readonly #onWritten: (bytes: number) => void
  #direct: DirectFile | null = null
  #piece: Buffer
  #spare: Buffer
  /** bytes in the piece */
  #filled = 0
  /** where the piece begins in the file */
  #position = 0
  #writing: Promise<void> = Promise.resolve()

  /**
   * @param fd of the file, open for writing; closing it is the caller's
   * @param onWritten told how many bytes from the start can be read from the file
   */
  constructor(
    fd: number,
    hashers: HasherFactory,
    options: ReceiveOptions,
    onWritten: (bytes: number) => void = () => {},
  ) {
    this.#fd = fd
    this.#onWritten = onWritten
    this.#durable = options.durable
    this.#hashers = algorithmsOf(options).map((algorithm) => [algorithm, hashers.create(algorithm)])
    // Last: `end` gives them back, and nobody can call it where the writer was not made.
    ;[this.#piece, this.#spare] = pieces.takeAll(2) as [Buffer, Buffer]
  }

  /** Takes a copy of the chunk. @throws StoredError DISK_FULL, … also for what was written before */
  async write(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length; ) {
      const part = chunk.subarray(taken, taken + PIECE - this.#filled)
      this.#piece.set(part, this.#filled)
      this.#filled += part.length
      taken += part.length
      if (this.#filled === PIECE) await this.#writePiece()
    }
  }

  /** All bytes are written, not yet flushed. */
  async finish(): Promise<Checksums> {
    if (this.#filled > 0) await this.#writePiece()
    await this.#writing
    await this.#direct?.finish().catch(writeFailed)
    return Object.fromEntries(this.#hashers.map(([algorithm, hasher]) => [algorithm, hasher.digest()]))
  }

  /** Makes them durable. */
  async flush(): Promise<void> {
    await fsync(this.#fd).catch((error: unknown) => {
      throw storageError(error, "flush content to its disk")
    })
  }

  /** Waits for what runs, whatever becomes of it, so that the file can be closed. Nothing may be called after it. */
  async end(): Promise<void> {
    await Promise.allSettled([this.#writing])
    pieces.give(this.#piece)
    pieces.give(this.#spare)
    await this.#direct?.close()
  }

  async #writePiece(): Promise<void> {
    await this.#writing
    const [piece, length, position] = [this.#piece, this.#filled, this.#position]
    this.#writing = this.#put(piece, length, position).then(() => this.#onWritten(position + length), writeFailed)
    // The next call meets the error.
    this.#writing.catch(() => {})
    this.#position += length
    this.#filled = 0
    ;[this.#piece, this.#spare] = [this.#spare, piece]
    for (const [, hasher] of this.#hashers) hasher.update(piece.subarray(0, length))
  }

  async #put(piece: Buffer, length: number, position: number): Promise<void> {
    // Short streams stay in the cache, and how long one is shows only on the way.
    if (!this.#durable || position < DIRECT_BYTES) return writeAll(this.#fd, piece.subarray(0, length), position)
    this.#direct ??= await DirectFile.open(this.#fd, "write")
    await this.#direct.write(piece, length, position)
  }
}

function writeFailed(error: unknown): never {
  throw storageError(error, "write content")
}
