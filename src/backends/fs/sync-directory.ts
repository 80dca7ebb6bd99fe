/** Makes the entries of a directory survive a power cut, for directories that are not held open. */
import { constants } from "node:fs"
import { close, fsync, open } from "./calls.ts"

export async function syncDirectory(path: string): Promise<void> {
  const fd = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await fsync(fd)
  } finally {
    await close(fd)
  }
}
