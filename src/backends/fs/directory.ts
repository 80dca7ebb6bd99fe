/**
 * One directory below the root, held open. Files in it are named through its descriptor, so that nobody can swap a part of the path for a
 * symbolic link between a check and a use: once the descriptor was seen to be the right directory, every call acts in that directory.
 *
 * On Linux `/proc/self/fd/N` both names files relative to the descriptor and tells, without touching a disk, the true path of what is open.
 * Elsewhere the path itself is used, and compared with its real path before each use.
 */
import fs, { constants, existsSync, readlinkSync } from "node:fs"
import { realpath } from "node:fs/promises"
import { errorCode, fsync, isAbsence, open } from "./calls.ts"
import { SharedSync } from "./shared-sync.ts"

const HAS_DESCRIPTOR_PATHS = existsSync("/proc/self/fd")
const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW

export class Directory {
  /** below the root, `/`-separated; empty for the root */
  readonly dir: string
  /** leases on it, and those among them that are about to put a file in it */
  users = 0
  writers = 0
  /** whether its own entry, and those above it, are known to survive a power cut */
  anchored: Promise<void> | null = null
  /** true once it must be closed when the last lease ends */
  retired = false
  readonly #path: string
  readonly #fd: number
  readonly #shared: SharedSync

  private constructor(dir: string, path: string, fd: number) {
    this.dir = dir
    this.#path = path
    this.#fd = fd
    this.#shared = new SharedSync(() => fsync(fd))
  }

  /** Opens what lies at a path; `isCurrent` then tells whether that is the directory meant. */
  static async open(dir: string, path: string): Promise<Directory> {
    return new Directory(dir, path, await open(path, FLAGS))
  }

  /** Whether what is open is still the directory at its path, reached over no symbolic link. */
  isCurrent(): boolean | Promise<boolean> {
    return HAS_DESCRIPTOR_PATHS ? readlinkSync(`/proc/self/fd/${this.#fd}`) === this.#path : this.#isReal()
  }

  /** The way to an entry. */
  at(name: string): string {
    return `${this.place()}/${name}`
  }

  /** The way to the directory itself. */
  place(): string {
    return HAS_DESCRIPTOR_PATHS ? `/proc/self/fd/${this.#fd}` : this.#path
  }

  /** Makes its entries survive a power cut, together with whoever else asks. */
  sync(): Promise<void> {
    return this.#shared.sync()
  }

  close(): void {
    // A descriptor that was only read through has nothing to lose; there is nobody to tell.
    fs.close(this.#fd, () => {})
  }

  async #isReal(): Promise<boolean> {
    try {
      return (await realpath(this.#path)) === this.#path
    } catch (error) {
      if (isAbsence(error) || errorCode(error) === "ELOOP") return false
      throw error
    }
  }
}
