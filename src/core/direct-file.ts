/**
 * Reads and writes past the kernel's page cache (O_DIRECT). What is written is on its way to the disk at once, in large pieces and without a copy: the
 * flush at the end has nothing left to do. What is read comes from the disk: the proof of a copy is one of what lies there, not of what a cache
 * remembers. And other files stay cached. Decision 0005 has the figures.
 *
 * Where the file system does not do it, and for ends that are no whole blocks, the same bytes go the usual way: nothing but speed depends on it.
 */
import { constants } from "node:fs"
import { close, ftruncate, open, read, write } from "./system-calls.ts"

/** bytes; no file system asks for larger blocks */
export const BLOCK_BYTES = 4096

/** Files from so many bytes on are worth a second descriptor. Smaller ones had better stay in the cache: they are read again soon. */
export const DIRECT_BYTES = 2 ** 20

export class DirectFile {
  readonly #plain: number
  #direct: number
  /** where the file ends, when a padded block went beyond it */
  #end: number | null = null

  private constructor(plain: number, direct: number) {
    this.#plain = plain
    this.#direct = direct
  }

  /**
   * @param plain a descriptor of the file, open for what is to be done; stays the caller's to flush and to close
   * @param purpose one of the two
   */
  static async open(plain: number, purpose: "read" | "write"): Promise<DirectFile> {
    return new DirectFile(plain, await openDirect(plain, purpose === "read" ? constants.O_RDONLY : constants.O_WRONLY))
  }

  /** As `open`, and closed once `work` has ended, well or not. */
  static async use<Result>(
    plain: number,
    purpose: "read" | "write",
    work: (file: DirectFile) => Promise<Result>,
  ): Promise<Result> {
    const file = await DirectFile.open(plain, purpose)
    try {
      return await work(file)
    } finally {
      await file.close()
    }
  }

  /**
   * Fills `buffer` from `position`, as far as the file goes.
   * @param buffer aligned, of whole blocks (`AlignedBuffers`)
   * @param position bytes, a multiple of 4096
   * @returns bytes read; fewer than the buffer has at the end of the file only
   */
  async read(buffer: Buffer, position: number): Promise<number> {
    let done = await this.#goDirect(buffer.length, (from) =>
      read(this.#direct, buffer, from, buffer.length - from, position + from),
    )
    while (done < buffer.length) {
      const count = await read(this.#plain, buffer, done, buffer.length - done, position + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  /**
   * Writes the first `length` bytes of `buffer` at `position`. What lies behind them in the buffer may be overwritten. Several writes may be under way.
   * @param length fewer than whole blocks only at the end of the file; call `finish` then
   */
  async write(buffer: Buffer, length: number, position: number): Promise<void> {
    const padded = Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES
    if (padded > length && this.#direct >= 0) {
      buffer.fill(0, length, padded)
      this.#end = position + length
    }
    let done = await this.#goDirect(padded, (from) => write(this.#direct, buffer, from, padded - from, position + from))
    while (done < length) done += await write(this.#plain, buffer, done, length - done, position + done)
  }

  /** Cuts off what a padded end has too much. Nothing is flushed yet: the device may hold the bytes in a cache of its own. */
  async finish(): Promise<void> {
    if (this.#end !== null) await ftruncate(this.#plain, this.#end)
    this.#end = null
  }

  /** Closes its own descriptor. No call may be under way. */
  async close(): Promise<void> {
    const fd = this.#direct
    this.#direct = -1
    if (fd >= 0) await close(fd)
  }

  /** How many bytes went this way; the others want the usual one. */
  async #goDirect(length: number, call: (from: number) => Promise<number>): Promise<number> {
    if (this.#direct < 0) return 0
    let done = 0
    try {
      // The system may do a part; the rest can go on only from a whole block.
      while (done < length && done % BLOCK_BYTES === 0) {
        const count = await call(done)
        if (count === 0) break
        done += count
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error
    }
    return done
  }
}

/** -1 where there is no such way. Whatever the reason, the usual way is open, and meets it if it is one. */
async function openDirect(plain: number, access: number): Promise<number> {
  if (constants.O_DIRECT === undefined) return -1
  return open(`/proc/self/fd/${plain}`, access | constants.O_DIRECT).catch(() => -1)
}
