/**
 * Makes a directory and those above it, and says the true reason where it cannot: on a read-only disk Node's own `mkdir` reports that a directory
 * is missing, which is why it was asked.
 */
import { access, constants, mkdir, stat } from "node:fs/promises"
import { dirname, resolve } from "node:path"

/** The first directory that was made, undefined where all were there. @throws the error of the system call */
export async function makeDirectory(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true })
  } catch (error) {
    if (codeOf(error) === "ENOENT") await access(await nearest(dirname(resolve(path))), constants.W_OK)
    throw error
  }
}

/** The path, or the first above it that is there. */
async function nearest(path: string): Promise<string> {
  try {
    await stat(path)
    return path
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || dirname(path) === path) throw error
    return nearest(dirname(path))
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}
