/**
 * Reads a local file once, in pieces that are asked for, straight into the memory where they are wanted: no stream in between, and nothing of it in
 * memory twice. One stretch is read ahead of the one that is looked at. Large files are read past the page cache: staged content of this size is not in it, and
 * to bring it there takes more than twice the processor time.
 */
import { DIRECT_BYTES, DirectFile } from "../../core/direct-file.ts"
import { throwIfAborted } from "../../core/error.ts"
import { close, fstat, open, read } from "../../core/system-calls.ts"
import { sourceFailed } from "../source-pieces.ts"
import type { Pieces } from "./pieces.ts"

/** bytes read at a time */
const STRETCH = 2 ** 20

export class FilePieces implements Pieces {
  readonly #fd: number
  readonly #size: number
  readonly #signal: AbortSignal | undefined
  readonly #seen: (bytes: Uint8Array) => void
  #direct: DirectFile | null = null
  #position = 0

  private constructor(fd: number, size: number, signal: AbortSignal | undefined, seen: (bytes: Uint8Array) => void) {
    this.#fd = fd
    this.#size = size
    this.#signal = signal
    this.#seen = seen
  }

  /** Null where there is no such file, or of another size: the source itself knows what to say of that. @param seen as of `openPieces` */
  static async open(
    path: string,
    size: number,
    signal: AbortSignal | undefined,
    seen: (bytes: Uint8Array) => void,
  ): Promise<FilePieces | null> {
    const fd = await open(path, "r").catch(() => -1)
    if (fd < 0) return null
    const pieces = new FilePieces(fd, size, signal, seen)
    const found = await fstat(fd).catch(() => null)
    if (!found?.isFile() || found.size !== size) {
      await pieces.close()
      return null
    }
    if (size >= DIRECT_BYTES) pieces.#direct = await DirectFile.open(fd, "read")
    return pieces
  }

  async read(size: number, memory: (bytes: number) => Buffer): Promise<Uint8Array> {
    throwIfAborted(this.#signal)
    const wanted = Math.min(size, this.#size - this.#position)
    const piece = memory(wanted).subarray(0, wanted)
    let ahead = this.#stretch(piece, 0)
    for (let done = 0; done < wanted; ) {
      const end = done + (await ahead)
      throwIfAborted(this.#signal)
      if (end < wanted) ahead = this.#stretch(piece, end)
      // Only what comes next is under way now, and is waited for whatever happens: the memory is another's after this.
      this.#seen(piece.subarray(done, end))
      done = end
    }
    this.#position += wanted
    return piece
  }

  async isAtEnd(): Promise<boolean> {
    return this.#position >= this.#size
  }

  async close(): Promise<void> {
    // Nothing was written: there is nothing that a failure could lose.
    await this.#direct?.close().catch(() => {})
    await close(this.#fd).catch(() => {})
  }

  async #stretch(piece: Buffer, from: number): Promise<number> {
    const length = Math.min(STRETCH, piece.length - from)
    if (length === 0) return 0
    const position = this.#position + from
    const reading = this.#direct
      ? this.#direct.read(piece.subarray(from, from + length), position)
      : read(this.#fd, piece, from, length, position)
    const count = await reading.catch((error: unknown) => {
      throw sourceFailed(error)
    })
    if (count === 0) throw sourceFailed(new Error("the file has become shorter"))
    return count
  }
}
