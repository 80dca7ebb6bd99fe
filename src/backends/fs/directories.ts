/**
 * The directories in use, held open for a while: the least recently used are closed beyond a limit. Every use checks again that a held
 * directory is still the one at its path, and opens it anew if not.
 *
 * A lease must be released. `find` gives null where there is no such directory, `make` makes it; both refuse to pass a symbolic link.
 */
import { join } from "node:path"
import { TransientAdapterError } from "../../core/error.ts"
import { errorCode, isAbsence, mkdir, type QuickCalls } from "./calls.ts"
import { Directory } from "./directory.ts"
import { isSpelledSo, refuseOtherSpelling } from "./names.ts"
import { refuseLinks, requireDirectory } from "./obstacle.ts"
import { nameOf, parentOf } from "./place.ts"
import type { Root } from "./root.ts"

const MAX_OPEN = 256
/** Somebody else may remove a directory just when it was made; so often in a row it is no chance. */
const MAX_TRIES = 100

export class Directories {
  /** whether several spellings lead to one name here (`names.ts`) */
  foldsNames = false
  readonly #root: Root
  readonly #open = new Map<string, Directory>()
  /** directories that are being made, so that 30 puts into a new one make it once */
  readonly #making = new Map<string, Promise<void>>()
  #closed = false

  constructor(root: Root) {
    this.#root = root
  }

  /** The calls that need not go through the thread pool where the root is on a disk of this host. */
  get quick(): QuickCalls {
    return this.#root.quick
  }

  /** @throws StoredError BACKEND_REFUSED (a symbolic link on the way), BACKEND_UNAVAILABLE (no root) */
  async find(dir: string): Promise<Directory | null> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const held = await this.#held(dir)
      if (held) return held
      const opened = await this.#openNow(dir)
      if (!opened) return null
      if (!(await this.#isSpelledSo(dir))) {
        opened.close()
        return null
      }
      // Whoever opened it at the same time and was faster is the one that is shared.
      if (!this.#open.has(dir)) return this.#keep(opened)
      opened.close()
    }
    throw new TransientAdapterError(`The directory "${dir}" is moved as often as it is opened; try again later.`)
  }

  /** Makes the directory and those above it. It stays while the lease lasts. @throws StoredError as `find`, and where a file is in the way */
  async make(dir: string): Promise<Directory> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const found = await this.find(dir)
      if (found) {
        found.writers += 1
        return found
      }
      if (dir === "") break
      let making = this.#making.get(dir)
      if (!making) {
        making = this.#mkdir(dir).finally(() => this.#making.delete(dir))
        this.#making.set(dir, making)
      }
      await making
    }
    throw new TransientAdapterError(`The directory "${dir}" disappears as often as it is made; try again later.`)
  }

  /** Whether an entry is called so, and does not only answer to it. */
  async hasNamed(directory: Directory, name: string): Promise<boolean> {
    return !this.foldsNames || (await isSpelledSo(directory, name))
  }

  release(directory: Directory): void {
    directory.users -= 1
    if (directory.users === 0 && directory.retired) directory.close()
  }

  releaseWriter(directory: Directory): void {
    directory.writers -= 1
    this.release(directory)
  }

  /** Whether a put of this process is about to use it. */
  isAwaited(dir: string): boolean {
    return (this.#open.get(dir)?.writers ?? 0) > 0
  }

  /** Lets go of a directory that was removed: as long as it is open, it takes its place on the disk. */
  forget(dir: string): void {
    const held = this.#open.get(dir)
    if (held) this.#retire(held)
  }

  /** Resolves once the directory and every entry that leads to it survive a power cut. */
  async anchor(directory: Directory): Promise<void> {
    if (directory.dir === "") return
    directory.anchored ??= this.#anchor(directory.dir)
    try {
      await directory.anchored
    } catch (error) {
      directory.anchored = null
      throw error
    }
  }

  close(): void {
    this.#closed = true
    for (const directory of this.#open.values()) this.#retire(directory)
  }

  async #anchor(dir: string): Promise<void> {
    const parent = await this.find(parentOf(dir))
    if (!parent) return
    try {
      await Promise.all([parent.sync(), this.anchor(parent)])
    } finally {
      this.release(parent)
    }
  }

  async #mkdir(dir: string): Promise<void> {
    const parent = await this.make(parentOf(dir))
    try {
      await mkdir(parent.at(nameOf(dir)))
    } catch (error) {
      // EEXIST: somebody was faster, or it is a file. ENOENT: the parent was removed meanwhile; the caller tries again.
      if (errorCode(error) === "EEXIST") {
        await requireDirectory(parent.at(nameOf(dir)), dir)
        if (this.foldsNames) await refuseOtherSpelling(parent, nameOf(dir))
      } else if (errorCode(error) !== "ENOENT") throw error
    } finally {
      this.releaseWriter(parent)
    }
  }

  /** Those above it are asked about when they are opened themselves. */
  async #isSpelledSo(dir: string): Promise<boolean> {
    if (!this.foldsNames || dir === "") return true
    const parent = await this.find(parentOf(dir))
    if (!parent) return false
    try {
      return await isSpelledSo(parent, nameOf(dir))
    } finally {
      this.release(parent)
    }
  }

  async #held(dir: string): Promise<Directory | null> {
    await this.#root.check()
    const held = this.#open.get(dir)
    if (!held) return null
    held.users += 1
    if (await held.isCurrent()) {
      this.#open.delete(dir)
      this.#open.set(dir, held)
      return held
    }
    this.#retire(held)
    this.release(held)
    await this.#root.check({ now: true })
    return null
  }

  /** Opens a directory and proves that no symbolic link led to it. */
  async #openNow(dir: string): Promise<Directory | null> {
    const path = join(this.#root.path, dir)
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      try {
        const directory = await Directory.open(dir, path)
        if (await directory.isCurrent()) return directory
        directory.close()
      } catch (error) {
        if (!isAbsence(error) && errorCode(error) !== "ELOOP") throw error
        await this.#refuseObstacle(dir)
        return null
      }
      await this.#refuseObstacle(dir)
    }
    throw new TransientAdapterError(`The directory "${dir}" is moved as often as it is opened; try again later.`)
  }

  /** Only what is not open already can be in the way; without anything open, the root itself may be gone. */
  async #refuseObstacle(dir: string): Promise<void> {
    for (let above = dir; above !== ""; ) {
      above = parentOf(above)
      if (await this.#open.get(above)?.isCurrent()) {
        const below = above === "" ? dir : dir.slice(above.length + 1)
        return refuseLinks(join(this.#root.path, above), below)
      }
    }
    await this.#root.check({ now: true })
    await refuseLinks(this.#root.path, dir)
  }

  #keep(directory: Directory): Directory {
    directory.users = 1
    directory.retired = this.#closed
    if (this.#closed) return directory
    this.#open.set(directory.dir, directory)
    this.#limit()
    return directory
  }

  #limit(): void {
    if (this.#open.size <= MAX_OPEN) return
    for (const directory of this.#open.values()) {
      if (directory.users > 0) continue
      this.#retire(directory)
      if (this.#open.size <= MAX_OPEN) return
    }
  }

  #retire(directory: Directory): void {
    if (this.#open.get(directory.dir) === directory) this.#open.delete(directory.dir)
    if (directory.retired) return
    directory.retired = true
    if (directory.users === 0) directory.close()
  }
}
