/**
 * The folder that objects are written below. Their names come from elsewhere, and from a server that need not be a good one: each is checked as a key is, every folder on the way is
 * looked at, and nothing is ever written through a symbolic link, so that nothing lands outside of it.
 */
import { lstat, mkdir } from "node:fs/promises"
import { isAbsolute, join, relative } from "node:path"
import { StoredError } from "../../core/error.ts"
import { parseKey } from "../../core/key.ts"

export class TargetFolder {
  readonly #root: string
  /** folders that were looked at, with whoever waits for them */
  readonly #known = new Map<string, Promise<void>>()

  constructor(root: string) {
    this.#root = root
  }

  /** Where a name goes; the folders on the way are there. @param name with slashes. @throws StoredError INVALID_KEY, INVALID_INPUT */
  async placeOf(name: string): Promise<string> {
    const segments = parseKey(name).split("/")
    const path = join(this.#root, ...segments)
    const within = relative(this.#root, path)
    if (within === "" || within.startsWith("..") || isAbsolute(within)) throw outside(name)
    let folder = this.#root
    for (const segment of segments.slice(0, -1)) {
      folder = join(folder, segment)
      await this.#enter(folder)
    }
    const there = await lstat(path).catch(() => null)
    if (there?.isDirectory()) throw new StoredError("INVALID_INPUT", `${path} is a folder; no file can be there.`)
    return path
  }

  #enter(folder: string): Promise<void> {
    const entering = this.#known.get(folder) ?? enter(folder)
    this.#known.set(folder, entering)
    return entering
  }
}

async function enter(folder: string): Promise<void> {
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw unusable(folder, error)
  })
  const found = await lstat(folder).catch((error: NodeJS.ErrnoException) => {
    throw unusable(folder, error)
  })
  if (found.isDirectory()) return
  const what = found.isSymbolicLink() ? "a symbolic link, through which nothing is written" : "not a folder"
  throw new StoredError("INVALID_INPUT", `${folder} is ${what}; take it away, or name another place.`)
}

function unusable(folder: string, cause: NodeJS.ErrnoException): StoredError {
  return new StoredError("INVALID_INPUT", `The folder ${folder} cannot be made (${cause.code}); name another place.`, {
    cause,
  })
}

function outside(name: string): StoredError {
  return new StoredError("INVALID_KEY", `"${name}" would lie outside of the folder that was named.`)
}
