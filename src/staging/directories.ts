/**
 * The directories of the content store: made when they are first needed, and made durable together with what is placed in them.
 *
 * A new file survives a power cut only if its directory was synced after it was placed, and that directory only if its own parent
 * was, up to the root. What is known to be durable is remembered, so that most placements sync one directory.
 */
import { closeSync, mkdirSync, openSync } from "node:fs"
import { dirname } from "node:path"
import { throwIfAborted } from "../core/error.ts"
import { inLanes } from "./lanes.ts"
import { fsync } from "./system-calls.ts"

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

  /**
   * Makes the entries of these directories durable, and every directory above them: all at once, for each is there already, and flushes that wait together share
   * one commit of the file system's journal.
   */
  async sync(directories: readonly string[], signal?: AbortSignal): Promise<void> {
    const wanted = new Set(directories)
    // A set gives what is added to it meanwhile too.
    for (const directory of wanted)
      if (directory !== this.#root && !this.#durable.has(directory)) wanted.add(dirname(directory))
    await inLanes([...wanted], async (directory) => {
      throwIfAborted(signal)
      await syncDirectory(directory)
    })
    for (const directory of wanted) if (directory !== this.#root) this.#durable.add(directory)
  }
}

/** Only the flush waits for the disk: what opens and closes is a name in the kernel's cache, and another thread would cost more than the call. */
export async function syncDirectory(directory: string): Promise<void> {
  const fd = openSync(directory, "r")
  try {
    await fsync(fd)
  } finally {
    closeSync(fd)
  }
}
