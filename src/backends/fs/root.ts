/**
 * The root directory: where it really is, and whether it is still the same one. A disk that was unmounted, or mounted over the root after the
 * start, shows another directory under the same path; writing there would fill the wrong disk and call it synced.
 */
import { lstat, realpath, stat } from "node:fs/promises"
import { dirname, join, resolve } from "node:path"
import { StoredError, TransientAdapterError } from "../../core/error.ts"
import { makeDirectory } from "../../core/make-directory.ts"
import { errorCode, isAbsence, type QuickCalls, quickCallsFor } from "./calls.ts"
import { fsError } from "./error.ts"
import { TEMPORARY } from "./place.ts"
import { syncDirectory } from "./sync-directory.ts"

/** How long an answer about the root is believed, ms. */
const CHECK_EVERY = 1000

export class Root {
  /** absolute, without symbolic links */
  readonly path: string
  readonly quick: QuickCalls
  #identity: string
  #checkedAt = performance.now()
  #checking: Promise<void> | null = null

  private constructor(path: string, identity: string, quick: QuickCalls) {
    this.path = path
    this.quick = quick
    this.#identity = identity
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

  /** Finds the root and makes nothing. @throws StoredError BACKEND_UNAVAILABLE where it is missing, INVALID_CONFIG where it is no directory, … */
  static async find(configured: string): Promise<Root> {
    try {
      return await Root.#at(configured)
    } catch (error) {
      if (errorCode(error) !== "ENOENT") throw openError(error, configured)
      const message = `The root "${resolve(configured)}" is missing; mount its disk, or make it again.`
      throw new TransientAdapterError(message, { cause: error })
    }
  }

  static async #at(configured: string): Promise<Root> {
    const path = await realpath(configured)
    const found = await stat(path)
    if (!found.isDirectory()) throw notDirectory(configured)
    return new Root(path, identityOf(found), await quickCallsFor(path))
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
    const identity = identityOf(found)
    // The same disk may come back with another device number. Then our own directory is in it; in an empty mount point it is not.
    if (identity !== this.#identity && !(await isOurs(this.path)))
      throw this.#unavailable("is not the directory it was")
    this.#identity = identity
    this.#checkedAt = performance.now()
  }

  #unavailable(reason: string, cause?: unknown): StoredError {
    return new TransientAdapterError(
      `The root "${this.path}" ${reason}; mount its disk, or make it again and reopen the backend.`,
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

function identityOf(found: { dev: number; ino: number }): string {
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
