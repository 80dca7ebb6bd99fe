/** How many entries a tree has, up to a bound: files, directories, links and all else. */
import type { Dirent } from "node:fs"
import { opendir } from "node:fs/promises"
import { join } from "node:path"
import { throwIfAborted } from "../../core/error.ts"
import { errorCode, isAbsence } from "./calls.ts"

/** Names that a read of a directory brings at once. */
const AT_ONCE = 1_024

export interface CountOptions {
  /** stops with the first one beyond */
  most: number
  /** whether an entry, and all that lies below it, does not count */
  passesOver(path: string, entry: Dirent): boolean
  signal: AbortSignal
}

/**
 * Directories that cannot be read, or go meanwhile, count as empty; memory is that of the directories' names.
 * @throws StoredError ABORTED, and the system's errors as they are
 */
export async function countEntries(root: string, { most, passesOver, signal }: CountOptions): Promise<number> {
  const directories = [root]
  let count = 0
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    throwIfAborted(signal)
    try {
      for await (const entry of await opendir(directory, { bufferSize: AT_ONCE })) {
        const path = join(directory, entry.name)
        if (passesOver(path, entry)) continue
        count += 1
        if (count > most) return count
        if (entry.isDirectory()) directories.push(path)
      }
    } catch (error) {
      if (!isAbsence(error) && errorCode(error) !== "EACCES" && errorCode(error) !== "EPERM") throw error
    }
  }
  return count
}
