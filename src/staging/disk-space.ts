/**
 * How much the disk of staging still takes. Asked before writing, so that a put is refused while reads, removes and the catalog still have room,
 * instead of failing half way.
 *
 * One `statfs` serves for 100 ms, with what was promised since taken off it.
 */
import { statfsSync } from "node:fs"
import { storageError } from "./system-error.ts"

const FRESH_MS = 100
/** What a small file costs beside its bytes: its last block and its share of directories. */
const OVERHEAD = 8192
/** What a put may need: a file, two directories, a log segment. */
const INODES_A_PUT = 4
/** Left for others on that disk. */
const SPARE_INODES = 16

export class DiskSpace {
  readonly #directory: string
  readonly #minFree: number
  #free = 0
  #inodes = 0
  #measured = Number.NEGATIVE_INFINITY
  /** promised and perhaps not written yet */
  #promised = 0

  /** @param minFree bytes that stay free */
  constructor(directory: string, minFree: number) {
    this.#directory = directory
    this.#minFree = minFree
  }

  /** Promises that so many bytes will be written, or says by how many the disk is short (then nothing is promised). */
  promise(bytes: number): number {
    const needed = bytes + OVERHEAD
    if (this.#left() < needed || performance.now() - this.#measured > FRESH_MS) this.measure()
    const left = this.#left()
    if (left < needed) return needed - left
    this.#promised += needed
    this.#inodes -= INODES_A_PUT
    return 0
  }

  /** The bytes of a promise are written, or never will be: until the disk is asked again, they count as written. */
  settle(bytes: number): void {
    this.#promised -= bytes + OVERHEAD
    this.#free -= bytes + OVERHEAD
  }

  measure(): void {
    try {
      const { bavail, bsize, files, ffree } = statfsSync(this.#directory)
      this.#free = bavail * bsize
      // Some file systems count no inodes and say 0 of 0.
      this.#inodes = files > 0 ? ffree : Number.POSITIVE_INFINITY
      this.#measured = performance.now()
    } catch (error) {
      throw storageError(error, "ask how much room its disk has")
    }
  }

  /** Whether it is names that are short, not bytes. */
  get lacksInodes(): boolean {
    return this.#inodes < SPARE_INODES + INODES_A_PUT
  }

  #left(): number {
    if (this.lacksInodes) return 0
    return this.#free - this.#promised - this.#minFree
  }
}
