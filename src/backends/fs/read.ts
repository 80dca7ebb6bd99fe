/**
 * Opens files for reading and asks about them. A file is opened through the descriptor of its directory and never over a symbolic link; only
 * regular files count, everything else is absent (a link is refused, so that nobody takes it for a lost copy).
 */
import { constants } from "node:fs"
import type { ByteRange } from "../../core/blob-source.ts"
import { NotFoundError } from "../../core/error.ts"
import { fileState } from "../../core/file-state.ts"
import type { BackendStat } from "../backend.ts"
import { resolveRange } from "../range.ts"
import { closeIdle, errorCode, fstat, isAbsence } from "./calls.ts"
import type { Directories } from "./directories.ts"
import { refused } from "./error.ts"
import { FileStream } from "./file-stream.ts"
import { placeOf } from "./place.ts"

/** Without O_NONBLOCK the opening of a fifo waits for a writer. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** An open descriptor, to be closed by the caller, or null where there is no such file. */
export async function openFile(directories: Directories, key: string): Promise<number | null> {
  const { dir, name } = placeOf(key)
  const directory = await directories.find(dir)
  if (!directory) return null
  try {
    const fd = await directories.quick.open(directory.at(name), FLAGS)
    if (await directories.hasNamed(directory, name)) return fd
    closeIdle(fd)
    return null
  } catch (error) {
    if (errorCode(error) === "ELOOP") throw refusedLink(key)
    // ENXIO: a socket, or a device without a driver.
    if (isAbsence(error) || errorCode(error) === "ENXIO") return null
    throw error
  } finally {
    directories.release(directory)
  }
}

/** @throws StoredError NOT_FOUND, INVALID_RANGE, BACKEND_REFUSED, and the system's errors as they are */
export async function readFile(
  directories: Directories,
  key: string,
  options: { range?: ByteRange; signal?: AbortSignal },
): Promise<FileStream> {
  const fd = await openFile(directories, key)
  if (fd === null) throw notFound(key)
  try {
    const found = await fstat(fd)
    if (!found.isFile()) throw notFound(key)
    return new FileStream(fd, resolveRange(options.range, found.size), key, options.signal)
  } catch (error) {
    closeIdle(fd)
    throw error
  }
}

export async function statFile(directories: Directories, key: string): Promise<BackendStat | null> {
  const { dir, name } = placeOf(key)
  const directory = await directories.find(dir)
  if (!directory) return null
  try {
    const found = await directories.quick.lstat(directory.at(name))
    if (found.isSymbolicLink()) throw refusedLink(key)
    return found.isFile() && (await directories.hasNamed(directory, name)) ? fileState(found) : null
  } catch (error) {
    if (isAbsence(error)) return null
    throw error
  } finally {
    directories.release(directory)
  }
}

function notFound(key: string): NotFoundError {
  return new NotFoundError(`There is no "${key}" on this backend.`)
}

function refusedLink(key: string): Error {
  return refused(`use "${key}"`, "it is a symbolic link, and links are not followed")
}
