/** One file of the intake log: made, appended to, sealed. A failed append leaves it sealed, because what its tail holds is unknown. */

import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { BlobId } from "../core/blob-id.ts"
import { syncDirectory } from "./directories.ts"
import { close, fdatasync, open, writeAll } from "./system-calls.ts"
import { storageError, systemCode } from "./system-error.ts"

export class LogSegment {
  readonly path: string
  /** what its records hold */
  readonly ids: BlobId[] = []
  /** bytes of whole batches */
  length = 0
  #fd: number

  private constructor(path: string, fd: number) {
    this.path = path
    this.#fd = fd
  }

  /** A new segment, whose name is durable. */
  static async create(directory: string, number: number): Promise<LogSegment> {
    const path = join(directory, segmentName(number))
    const fd = await open(path, "wx")
    try {
      await syncDirectory(directory)
      return new LogSegment(path, fd)
    } catch (error) {
      await close(fd)
      throw error
    }
  }

  /** Durable when it resolves. After an error nothing more may be appended. */
  async append(batch: Uint8Array): Promise<void> {
    await writeAll(this.#fd, batch, this.length)
    await fdatasync(this.#fd)
    this.length += batch.length
  }

  async close(): Promise<void> {
    const fd = this.#fd
    this.#fd = -1
    if (fd >= 0) await close(fd)
  }
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
