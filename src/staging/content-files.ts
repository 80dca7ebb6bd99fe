/**
 * The content files: looked at, compared, placed, synced, removed. One file a blob, whole or not there, because a file gets its name by a rename.
 *
 * Small content goes by synchronous calls: into the kernel's cache they take some 50 µs, a quarter of what the way through Node's
 * thread pool costs. Whatever waits for the disk is asynchronous.
 */
import { type BigIntStats, closeSync, openSync, readSync, renameSync, statSync, unlinkSync } from "node:fs"
import { dirname } from "node:path"
import type { BlobId } from "../core/blob-id.ts"
import { isUnreadable } from "../core/unreadable.ts"
import { ContentDirectories } from "./directories.ts"
import { contentDirectory, contentPath, type Layout } from "./layout.ts"
import { Stamps } from "./stamps.ts"
import { close, fsync, open, unlink, writeAllSync } from "./system-calls.ts"
import { storageError, systemCode } from "./system-error.ts"
import type { TemporaryFiles } from "./temporary-files.ts"

export class ContentFiles {
  readonly stamps = new Stamps()
  readonly #layout: Layout
  readonly #temporary: TemporaryFiles
  readonly #directories: ContentDirectories

  constructor(layout: Layout, temporary: TemporaryFiles) {
    this.#layout = layout
    this.#temporary = temporary
    this.#directories = new ContentDirectories(layout.content)
  }

  path(id: BlobId): string {
    return contentPath(this.#layout, id)
  }

  /** What the system says of the content file, null where there is none. */
  state(id: BlobId): BigIntStats | null {
    try {
      return statSync(this.path(id), { bigint: true, throwIfNoEntry: false }) ?? null
    } catch (error) {
      throw storageError(error, "look at its content")
    }
  }

  /** The state of the content file, null where there is none, and whether it holds exactly these bytes. */
  compare(id: BlobId, bytes: Uint8Array): { state: BigIntStats | null; same: boolean } {
    const state = this.state(id)
    return { state, same: state?.size === BigInt(bytes.length) && this.#holds(id, bytes) }
  }

  #holds(id: BlobId, bytes: Uint8Array): boolean {
    const fd = openSync(this.path(id), "r")
    try {
      const found = Buffer.allocUnsafe(bytes.length)
      let count = 0
      for (let got = -1; got !== 0 && count < found.length; count += got) {
        got = readSync(fd, found, count, found.length - count, count)
      }
      return count === found.length && found.equals(bytes)
    } catch (error) {
      // What cannot be read is replaced by the bytes at hand.
      if (isUnreadable(error)) return false
      throw error
    } finally {
      closeSync(fd)
    }
  }

  /** Places small content, replacing what is there. Not durable before it is logged or synced. */
  placeBytes(id: BlobId, bytes: Uint8Array): void {
    const temporary = this.#temporary.name()
    const fd = openSync(temporary, "wx")
    try {
      try {
        writeAllSync(fd, bytes)
      } finally {
        closeSync(fd)
      }
      this.#rename(temporary, id)
    } catch (error) {
      unlinkSync(temporary)
      throw error
    }
  }

  /** Gives a finished temporary file its content name, replacing what is there. */
  placeFile(id: BlobId, temporary: string): void {
    this.#rename(temporary, id)
    this.#temporary.leave(temporary)
  }

  /** Makes a placed file's name durable, and with `bytes` its bytes too. */
  async sync(id: BlobId, { bytes }: { bytes: boolean }): Promise<void> {
    if (bytes) await this.syncBytes(id)
    await this.#directories.sync([contentDirectory(this.#layout, id)])
  }

  /** Makes the bytes of a file durable. False where there is none. */
  async syncBytes(id: BlobId): Promise<boolean> {
    let fd: number
    try {
      fd = await open(this.path(id), "r")
    } catch (error) {
      if (systemCode(error) === "ENOENT") return false
      throw error
    }
    try {
      await fsync(fd)
    } finally {
      await close(fd)
    }
    return true
  }

  /** Makes the names of many files durable, each directory synced once. */
  async syncNames(ids: readonly BlobId[], signal: AbortSignal): Promise<void> {
    const directories = new Set(ids.map((id) => contentDirectory(this.#layout, id)))
    await this.#directories.sync([...directories], signal)
  }

  /** False where there was nothing. */
  async remove(id: BlobId): Promise<boolean> {
    this.stamps.forget(id)
    try {
      await unlink(this.path(id))
      return true
    } catch (error) {
      if (systemCode(error) === "ENOENT") return false
      throw storageError(error, "remove content")
    }
  }

  /** The content path, in a directory that exists. */
  #target(id: BlobId): string {
    const path = this.path(id)
    this.#directories.ensure(dirname(path))
    this.stamps.forget(id)
    return path
  }

  #rename(temporary: string, id: BlobId): void {
    try {
      renameSync(temporary, this.#target(id))
    } catch (error) {
      this.#expectMissing(error)
      renameSync(temporary, this.#target(id))
    }
  }

  /** Throws unless the rename failed because somebody removed a directory behind our back: then it is worth another try. */
  #expectMissing(error: unknown): void {
    if (systemCode(error) !== "ENOENT") throw error
    this.#directories.forget()
  }
}
