/**
 * A file of some MiB beside the catalog that is good for nothing but its space: on a full disk it is removed, so that deletes and evictions,
 * which need a few pages before they free any, can still commit. It comes back once the disk has room again.
 */
import { open, rm, stat, statfs } from "node:fs/promises"
import { join } from "node:path"
import { StoredError } from "../../core/error.ts"
import type { SpaceReserve } from "../rows/engine.ts"
import { codeOf, isNoSpace } from "./failure.ts"

export const DEFAULT_RESERVE_BYTES = 8 * 2 ** 20
const CHUNK = Buffer.alloc(2 ** 20)

export class Reserve implements SpaceReserve {
  readonly #directory: string
  readonly #path: string
  readonly #bytes: number
  #held = false

  constructor(directory: string, bytes: number) {
    this.#directory = directory
    this.#path = join(directory, "reserve")
    this.#bytes = bytes
  }

  get held(): boolean {
    return this.#held
  }

  /** Looks whether an earlier process left it, and takes it otherwise, where there is room. */
  async open(): Promise<void> {
    this.#held = (await this.#size()) >= this.#bytes
    if (!this.#held) await this.restore()
  }

  async release(): Promise<boolean> {
    const had = (await this.#size()) > 0
    this.#held = false
    await this.#guard(() => rm(this.#path, { force: true }))
    return had
  }

  async restore(): Promise<boolean> {
    // Half as much again must be left over, or the disk would be full as soon as the reserve is held.
    const { bavail, bsize } = await this.#guard(() => statfs(this.#directory))
    if (bavail * bsize < this.#bytes * 1.5) return this.#held
    try {
      await this.#fill()
      this.#held = true
    } catch (error) {
      await this.release()
      if (!isNoSpace(error)) throw this.#unusable(error)
    }
    return this.#held
  }

  /** Real bytes: a file with holes reserves nothing. */
  async #fill(): Promise<void> {
    const file = await open(this.#path, "w")
    try {
      for (let at = 0; at < this.#bytes; at += CHUNK.length) {
        await file.write(CHUNK, 0, Math.min(CHUNK.length, this.#bytes - at), at)
      }
      await file.sync()
    } finally {
      await file.close()
    }
  }

  async #size(): Promise<number> {
    try {
      return (await stat(this.#path)).size
    } catch (error) {
      if (codeOf(error) === "ENOENT") return 0
      throw this.#unusable(error)
    }
  }

  async #guard<Result>(action: () => Promise<Result>): Promise<Result> {
    try {
      return await action()
    } catch (error) {
      throw this.#unusable(error)
    }
  }

  #unusable(cause: unknown): StoredError {
    return new StoredError(
      "DATA_DIRECTORY_UNUSABLE",
      `The space reserve ${this.#path} cannot be kept; see the cause.`,
      { cause },
    )
  }
}
