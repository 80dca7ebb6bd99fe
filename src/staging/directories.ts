/**
 * The directories of the content store: made when they are first needed, and made durable together with what is placed in them.
 *
 * A new file survives a power cut only if its directory was synced after it was placed, and that directory only if its own parent
 * was, up to the root. What is known to be durable is remembered, so that most placements sync one directory.
 */
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { throwIfAborted } from "../core/error.ts"
import { inLanes } from "./lanes.ts"
import { close, fsync, open } from "./system-calls.ts"

export class ContentDirectories {
  readonly #root: string
  readonly #made = new Set<string>()
  /** directories whose entry in their parent is on disk */
  readonly #durable = new Set<string>()

  /** @param root exists and is durable */
  constructor(root: string) {
    this.#root = root
  }

  ensure(directory: string): void {
    if (this.#made.has(directory)) return
    mkdirSync(directory, { recursive: true })
    this.#made.add(directory)
  }

  /** Somebody else has removed directories: everything is looked at again. */
  forget(): void {
    this.#made.clear()
    this.#durable.clear()
  }

  /** Makes the entries of these directories durable, and every directory above them. */
  async sync(directories: readonly string[], signal?: AbortSignal): Promise<void> {
    const parents = new Set<string>()
    await inLanes(directories, async (directory) => {
      throwIfAborted(signal)
      await syncDirectory(directory)
      if (directory !== this.#root && !this.#durable.has(directory)) parents.add(dirname(directory))
    })
    if (parents.size > 0) await this.sync([...parents], signal)
    for (const directory of directories) if (directory !== this.#root) this.#durable.add(directory)
  }
}

export async function syncDirectory(directory: string): Promise<void> {
  const fd = await open(directory, "r")
  try {
    await fsync(fd)
  } finally {
    await close(fd)
  }
}
