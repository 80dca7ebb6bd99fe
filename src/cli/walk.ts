/**
 * The regular files below a folder, in a fixed order, with constant memory beside one folder's names. Links, sockets, pipes and devices are
 * passed over and told; so is a name that is not UTF-8, because it cannot be a key.
 */
import type { Dirent } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { StoredError } from "../core/error.ts"

export interface WalkedFile {
  path: string
  /** from the folder that was asked for, with `/` between segments */
  name: string
}

/** @param onSkip told of what is passed over, with a reason. @throws StoredError INVALID_INPUT where the folder cannot be read */
export async function* walk(
  folder: string,
  onSkip: (path: string, reason: string) => void,
  within = "",
): AsyncGenerator<WalkedFile> {
  const entries = await entriesOf(folder)
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    const name = within === "" ? entry.name : `${within}/${entry.name}`
    if (entry.name.includes("\ufffd")) onSkip(path, "its name is not UTF-8")
    else if (entry.isDirectory()) yield* walk(path, onSkip, name)
    else if (entry.isFile()) yield { path, name }
    else onSkip(path, entry.isSymbolicLink() ? "a symbolic link" : "not a regular file")
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    const reason =
      code === "ENOENT" ? "it does not exist" : code === "ENOTDIR" ? "it is not a folder" : (code ?? String(cause))
    throw new StoredError("INVALID_INPUT", `The folder ${folder} cannot be read: ${reason}.`, { cause })
  }
}
