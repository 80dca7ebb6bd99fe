/**
 * A temporary file that is read while it is being written (`ReceiveOptions.follow`). It has a descriptor of its own: whether the file is renamed,
 * evicted or removed makes no difference to whoever reads here.
 */
import { StoredError } from "../core/error.ts"
import type { GrowingContent } from "./staging.ts"
import { close, open, readFully } from "./system-calls.ts"
import { storageError } from "./system-error.ts"

export class GrowingFile implements GrowingContent {
  written = 0
  #fd: number
  #closing: Promise<void> | null = null
  readonly #reads = new Set<Promise<unknown>>()

  private constructor(fd: number) {
    this.#fd = fd
  }

  static async open(path: string): Promise<GrowingFile> {
    const fd = await open(path, "r").catch((error: unknown) => {
      throw storageError(error, "open a temporary file")
    })
    return new GrowingFile(fd)
  }

  async read(start: number, most: number): Promise<Buffer> {
    if (this.#closing) throw new StoredError("CLOSED", "This file is no longer followed; read the content anew.")
    const bytes = Buffer.allocUnsafeSlow(Math.min(most, this.written - start))
    const reading = readFully(this.#fd, bytes, 0, bytes.length, start)
    this.#reads.add(reading)
    try {
      if ((await reading) === bytes.length) return bytes
    } catch (error) {
      throw storageError(error, "read content")
    } finally {
      this.#reads.delete(reading)
    }
    throw new StoredError("INTERNAL", "A temporary file is shorter than what was written to it; look at its disk.")
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** A read under way must end before its descriptor does: the number may be another file's at once. */
  async #close(): Promise<void> {
    await Promise.allSettled(this.#reads)
    await close(this.#fd).catch((error: unknown) => {
      throw storageError(error, "close a temporary file")
    })
  }
}
