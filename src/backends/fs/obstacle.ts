/** Finds out why a directory cannot be opened or made: a symbolic link or a file in the way is for a person to mend, absence is not. */
import { join } from "node:path"
import { isAbsence, lstat } from "./calls.ts"
import { refused } from "./error.ts"

/**
 * Looks at each part of a path below `from`, up to the first that is missing.
 * @param from absolute path that is known to hold no link
 * @throws StoredError BACKEND_REFUSED where one is a symbolic link
 */
export async function refuseLinks(from: string, below: string): Promise<void> {
  let path = from
  for (const name of below.split("/")) {
    path = join(path, name)
    try {
      if ((await lstat(path)).isSymbolicLink()) {
        throw refused(`use "${below}"`, `"${path}" is a symbolic link, and links are not followed`)
      }
    } catch (error) {
      if (isAbsence(error)) return
      throw error
    }
  }
}

/** @throws StoredError BACKEND_REFUSED where something else has the directory's name */
export async function requireDirectory(path: string, dir: string): Promise<void> {
  try {
    const found = await lstat(path)
    if (!found.isDirectory()) throw refused(`make the directory "${dir}"`, "a file of that name is in the way")
  } catch (error) {
    if (!isAbsence(error)) throw error
  }
}
