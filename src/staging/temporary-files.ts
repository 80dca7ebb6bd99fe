/** Private files of what is under way. Whatever lies in their directory and is not in use is left over from a crash. */
import { randomUUID } from "node:crypto"
import { closeSync, openSync } from "node:fs"
import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { unlink } from "./system-calls.ts"
import { storageError, systemCode } from "./system-error.ts"

export class TemporaryFiles {
  readonly #directory: string
  readonly #inUse = new Set<string>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** A name for a file that is made and taken away again within one synchronous call. */
  name(): string {
    return `${this.#directory}/${randomUUID()}`
  }

  /** Makes a file, open for writing. End with `remove` if it was not renamed, else with `leave`; closing is the caller's. */
  create(): { path: string; fd: number } {
    const path = this.name()
    this.#inUse.add(path)
    try {
      return { path, fd: openSync(path, "wx") }
    } catch (error) {
      this.#inUse.delete(path)
      throw storageError(error, "make a temporary file")
    }
  }

  /** The same for somebody else to open: it exists and is empty, so that an opening that comes too late makes nothing. */
  createClosed(): string {
    const { path, fd } = this.create()
    closeSync(fd)
    return path
  }

  isInUse(path: string): boolean {
    return this.#inUse.has(path)
  }

  /** It has been renamed. */
  leave(path: string): void {
    this.#inUse.delete(path)
  }

  async remove(path: string): Promise<void> {
    try {
      await unlink(path)
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw storageError(error, "remove a temporary file")
    } finally {
      this.#inUse.delete(path)
    }
  }

  /** Removes what nobody uses. How many. */
  async sweep(): Promise<number> {
    const left = (await readdir(this.#directory))
      .map((name) => join(this.#directory, name))
      .filter((path) => !this.#inUse.has(path))
    for (const path of left) await rm(path, { recursive: true, force: true })
    return left.length
  }
}
