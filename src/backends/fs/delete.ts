/**
 * Removes a file and the directories that it leaves empty. Resolves once the removal is durable, also where the file was gone already: an
 * earlier delete may have been cut off before that. Only regular files are removed.
 */
import { errorCode, isAbsence, lstat, rmdir, unlink } from "./calls.ts"
import type { Directories } from "./directories.ts"
import type { Directory } from "./directory.ts"
import { refused } from "./error.ts"
import { nameOf, parentOf, placeOf } from "./place.ts"

/** Why a directory stays: it is not empty, gone, no directory, a mount point, or not ours to remove. None of these concerns the delete. */
const STAYS = new Set(["ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR", "EBUSY", "EACCES", "EPERM", "EROFS"])

/** @throws StoredError BACKEND_REFUSED (a symbolic link), and the system's errors as they are */
export async function deleteFile(directories: Directories, key: string, durable: boolean): Promise<void> {
  const { dir, name } = placeOf(key)
  const directory = await directories.find(dir)
  if (!directory) return
  try {
    const removed = await remove(directories, directory, key, name)
    if (durable) await directory.sync()
    if (!removed) return
  } finally {
    directories.release(directory)
  }
  await prune(directories, dir)
}

async function remove(directories: Directories, directory: Directory, key: string, name: string): Promise<boolean> {
  try {
    const found = await lstat(directory.at(name))
    if (found.isSymbolicLink()) throw refused(`delete "${key}"`, "it is a symbolic link, and links are left alone")
    if (!found.isFile() || !(await directories.hasNamed(directory, name))) return false
    await unlink(directory.at(name))
    return true
  } catch (error) {
    if (isAbsence(error)) return false
    throw error
  }
}

/** Removes empty directories from here up to the root. A put that is about to use one keeps it, or makes it again. */
async function prune(directories: Directories, from: string): Promise<void> {
  for (let dir = from; dir !== "" && !directories.isAwaited(dir); dir = parentOf(dir)) {
    const parent = await directories.find(parentOf(dir))
    if (!parent) return
    try {
      await rmdir(parent.at(nameOf(dir)))
      directories.forget(dir)
    } catch (error) {
      if (STAYS.has(errorCode(error))) return
      throw error
    } finally {
      directories.release(parent)
    }
  }
}
