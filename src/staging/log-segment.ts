/**
 * One file of the intake log: made, appended to, sealed. A failed append leaves it sealed, because what its tail holds is unknown.
 *
 * Batches begin at whole blocks, so that they can go past the page cache: nobody reads them again but after a crash.
 */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { BlobId } from "../core/blob-id.ts"
import { BLOCK_BYTES, DirectFile } from "../core/direct-file.ts"
import { syncDirectory } from "./directories.ts"
import { close, fdatasync, open } from "./system-calls.ts"
import { storageError, systemCode } from "./system-error.ts"

export class LogSegment {
  readonly path: string
  /** what its records hold */
  readonly ids: BlobId[] = []
  /** bytes of whole batches */
  length = 0
  #fd: number
  readonly #file: DirectFile

  private constructor(path: string, fd: number, file: DirectFile) {
    this.path = path
    this.#fd = fd
    this.#file = file
  }

  /** A new segment, whose name is durable. */
  static async create(directory: string, number: number): Promise<LogSegment> {
    const path = join(directory, segmentName(number))
    const fd = await open(path, "wx")
    try {
      await syncDirectory(directory)
      return new LogSegment(path, fd, await DirectFile.open(fd, "write"))
    } catch (error) {
      await close(fd)
      throw error
    }
  }

  /**
   * Durable when it resolves. After an error nothing more may be appended.
   * @param buffer aligned, with room for whole blocks
   * @param length bytes of the batch; zeros follow it up to a whole block
   */
  async append(buffer: Buffer, length: number): Promise<void> {
    const padded = wholeBlocks(length)
    buffer.fill(0, length, padded)
    await this.#file.write(buffer, padded, this.length)
    await fdatasync(this.#fd)
    this.length += padded
  }

  async close(): Promise<void> {
    const fd = this.#fd
    this.#fd = -1
    if (fd < 0) return
    try {
      await this.#file.close()
    } finally {
      await close(fd)
    }
  }
}

/** Bytes that a batch takes. */
export function wholeBlocks(length: number): number {
  return Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES
}

const NAME = /^(\d{10})\.log$/

function segmentName(number: number): string {
  return `${String(number).padStart(10, "0")}.log`
}

/** The segments of a directory, oldest first; none where there is no directory. */
export async function findSegments(directory: string): Promise<{ number: number; path: string }[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return []
    throw storageError(error, "list its intake log")
  })
  const numbers = names.flatMap((name) => {
    const number = NAME.exec(name)?.[1]
    return number === undefined ? [] : [Number(number)]
  })
  return numbers.toSorted((a, b) => a - b).map((number) => ({ number, path: join(directory, segmentName(number)) }))
}
