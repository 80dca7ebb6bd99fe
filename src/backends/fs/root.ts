/**
 * The root directory: where it really is, and whether it is still the same one. A disk that was unmounted, or mounted over the root, before the
 * start or after it, shows another directory under the same path; writing there would fill the wrong disk and call it synced.
 */
import { lstat, realpath, stat } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { StoredError, TransientAdapterError } from "../../core/error.ts"
import { makeDirectory } from "../../core/make-directory.ts"
import type { ExpectedPlace } from "../backend.ts"
import { errorCode, isAbsence, type QuickCalls, quickCallsFor } from "./calls.ts"
import { fsError } from "./error.ts"
import { identifyRoot, isRoot, type RootIdentity, requireRoot } from "./identity.ts"
import { TEMPORARY } from "./place.ts"
import { syncDirectory } from "./sync-directory.ts"

/** How long an answer about the root is believed, ms. */
const CHECK_EVERY = 1000

export class Root {
  /** absolute, without symbolic links */
  readonly path: string
  readonly quick: QuickCalls
  #inode: string
  #known: RootIdentity | null = null
  #checkedAt = performance.now()
  #checking: Promise<void> | null = null

  private constructor(path: string, inode: string, quick: QuickCalls) {
    this.path = path
    this.quick = quick
    this.#inode = inode
  }

  /** Finds the root, and makes it where it is missing. @throws StoredError INVALID_CONFIG where it is no directory, … */
  static async open(configured: string, durable: boolean): Promise<Root> {
    try {
      await make(resolve(configured), durable)
      return await Root.#at(configured)
    } catch (error) {
      throw openError(error, configured)
    }
  }

  /**
   * Finds the root and makes nothing.
   * @param place that it should be; absent: any
   * @throws StoredError BACKEND_UNAVAILABLE where it is missing or another one, INVALID_CONFIG where it is no directory, …
   */
  static async find(configured: string, place?: ExpectedPlace): Promise<Root> {
    try {
      const root = await Root.#at(configured)
      if (place) await requireRoot(root.path, place)
      return root
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw openError(error, configured)
      const accept = place?.as === "known" ? ", and then say: stored backends test NAME --accept" : ""
      const message = `The root "${resolve(configured)}" is missing; mount its disk, or make it again${accept}.`
      throw new TransientAdapterError(message, { cause: error })
    }
  }

  static async #at(configured: string): Promise<Root> {
    const path = await realpath(configured)
    const found = await stat(path)
    if (!found.isDirectory()) throw notDirectory(configured)
    return new Root(path, inodeOf(found), await quickCallsFor(path))
  }

  /** Which directory it is, as from now on it is known: see `identity.ts`. */
  async identify(place: ExpectedPlace, how: { writable: boolean; durable: boolean }): Promise<RootIdentity> {
    this.#known = await identifyRoot(this.path, place, how)
    return this.#known
  }

  /**
   * Looks whether the root is there and the same; an answer of the last second counts unless `now`.
   * @throws StoredError BACKEND_UNAVAILABLE, retryable
   */
  async check({ now = false } = {}): Promise<void> {
    if (!now && performance.now() - this.#checkedAt < CHECK_EVERY) return
    this.#checking ??= this.#look().finally(() => {
      this.#checking = null
    })
    await this.#checking
  }

  async #look(): Promise<void> {
    const found = await stat(this.path).catch((error: unknown) => {
      if (isAbsence(error)) throw this.#unavailable("is missing", error)
      throw fsError(error, `reach the root "${this.path}"`)
    })
    const inode = inodeOf(found)
    // The same disk may come back with another device number.
    if (inode !== this.#inode && !(await this.#isKnown())) throw this.#unavailable("is not the directory it was")
    this.#inode = inode
    this.#checkedAt = performance.now()
  }

  /** Where nobody keeps which it is, our own directory is in it; in an empty mount point it is not. */
  #isKnown(): Promise<boolean> {
    return this.#known ? isRoot(this.path, this.#known) : isOurs(this.path)
  }

  #unavailable(reason: string, cause?: unknown): StoredError {
    return new TransientAdapterError(
      `The root "${this.path}" ${reason}; mount its disk, or make it again and accept it: stored backends test NAME --accept.`,
      cause === undefined ? {} : { cause },
    )
  }
}

/** Makes the root and what is missing above it; each new entry is made durable. */
async function make(path: string, durable: boolean): Promise<void> {
  const first = await makeDirectory(path)
  if (first === undefined || !durable) return
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made))
}

async function isOurs(path: string): Promise<boolean> {
  try {
    return (await lstat(join(path, TEMPORARY))).isDirectory()
  } catch (error) {
    if (isAbsence(error)) return false
    throw fsError(error, `reach the root "${path}"`)
  }
}

function inodeOf(found: { dev: number; ino: number }): string {
  return `${found.dev}:${found.ino}`
}

function openError(error: unknown, configured: string): StoredError {
  const code = errorCode(error)
  const isInTheWay = code === "EEXIST" || code === "ENOTDIR"
  return isInTheWay ? notDirectory(configured, error) : fsError(error, `open the root "${configured}"`)
}

function notDirectory(configured: string, cause?: unknown): StoredError {
  return new StoredError("INVALID_CONFIG", `The root "${configured}" is not a directory; name one.`, { cause })
}
