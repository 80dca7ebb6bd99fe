/**
 * Puts a file: written beside everything under a temporary name, checked, made durable, and renamed to its place, so that readers see the whole
 * old or the whole new content and a crash at any moment leaves one of them. Resolves once file, entry and new directories are durable.
 */
import type { BlobSource } from "../../core/blob-source.ts"
import { TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import type { BackendPutOptions } from "../backend.ts"
import type { Turns } from "../turns.ts"
import {
  close,
  closeIdle,
  errorCode,
  fchmod,
  fsync,
  isAbsence,
  type QuickCalls,
  rename,
  rmdir,
  unlink,
} from "./calls.ts"
import type { Directories } from "./directories.ts"
import type { Directory } from "./directory.ts"
import { refused } from "./error.ts"
import { refuseOtherSpelling } from "./names.ts"
import { type Place, placeOf, requireNameLengths } from "./place.ts"
import type { Temporaries, TemporaryFile } from "./temporary.ts"
import { writeSource } from "./write-source.ts"

/** Another process may remove the directory between its making and the rename; so often in a row it is no chance. */
const MAX_TRIES = 100
/** Bytes from which on it pays to look whether they can be placed at all before they are written. */
const WORTH_A_LOOK = 1024 * 1024
const PERMISSION_BITS = 0o777
const DEFAULT_MODE = 0o666

export interface PutParts {
  directories: Directories
  temporaries: Temporaries
  durable: boolean
  /** for what may be done by one at a time only */
  turns: Turns
  /** permission bits that the system takes away from new files, or null where that is not known */
  mask: number | null
}

/** @throws StoredError, and the system's errors as they are */
export async function putFile(
  parts: PutParts,
  key: string,
  source: BlobSource,
  options: BackendPutOptions,
): Promise<void> {
  const { dir, name } = placeOf(key)
  requireNameLengths(key)
  throwIfAborted(options.signal)
  if (source.size === undefined || source.size > WORTH_A_LOOK) await refuseBlocked(parts.directories, dir)
  const file = await parts.temporaries.create(newMode(parts, options.mode))
  try {
    await fill(parts, file, source, options)
    throwIfAborted(options.signal)
    await place(parts, file, { dir, name }, options.signal)
  } catch (error) {
    await discard(file)
    throw error
  } finally {
    parts.temporaries.release(file)
  }
}

/** Finds what is in the way of a directory before anything is written. */
async function refuseBlocked(directories: Directories, dir: string): Promise<void> {
  const found = await directories.find(dir)
  if (found) directories.release(found)
}

function newMode({ mask }: PutParts, mode: number | undefined): number {
  if (mode === undefined) return DEFAULT_MODE
  // Where the mask takes something away, the mode is set afterwards; until then the file is the writer's own.
  return mask === null || (mode & mask) !== 0 ? 0o600 : mode & PERMISSION_BITS
}

async function fill(
  parts: PutParts,
  { fd }: TemporaryFile,
  source: BlobSource,
  { signal, modified, mode }: BackendPutOptions,
): Promise<void> {
  let synced = false
  try {
    await writeSource(parts.directories.quick, fd, source, signal)
    if (mode !== undefined && (parts.mask === null || (mode & parts.mask) !== 0))
      await fchmod(fd, mode & PERMISSION_BITS)
    if (modified !== undefined) await parts.directories.quick.futimes(fd, modified / 1000, modified / 1000)
    if (parts.durable) await fsync(fd)
    synced = parts.durable
  } finally {
    if (synced) closeIdle(fd)
    else await close(fd)
  }
}

async function place(
  parts: PutParts,
  file: TemporaryFile,
  { dir, name }: Place,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const directory = await parts.directories.make(dir)
    try {
      if (!(await inTurn(parts, () => tryPlace(parts.directories, file, directory, name, signal)))) continue
      if (parts.durable) await Promise.all([directory.sync(), parts.directories.anchor(directory)])
      return
    } finally {
      parts.directories.releaseWriter(directory)
    }
  }
  throw new TransientAdapterError(`The directory "${dir}" is removed as often as it is made; try again later.`)
}

/** Where several spellings lead to one name, nobody may come between the look and the rename; nobody knows which names are the same. */
function inTurn({ directories, turns }: PutParts, run: () => Promise<boolean>): Promise<boolean> {
  return directories.foldsNames ? turns.take("", run) : run()
}

/** False where the directory was removed meanwhile. */
async function tryPlace(
  directories: Directories,
  file: TemporaryFile,
  directory: Directory,
  name: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const target = directory.at(name)
  if (directories.foldsNames) await refuseOtherSpelling(directory, name, signal)
  await makeWay(directories.quick, target, name)
  try {
    await rename(file.path, target)
    if (await directories.hasNamed(directory, name)) return true
    // Nothing was there before, so that this is what was placed.
    await unlink(target)
    throw refused(`write "${name}"`, "this file system writes the name in another way; choose another key")
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || (await directory.isCurrent())) throw error
    return false
  }
}

/** Only regular files are replaced. An empty directory holds no key and gives way. */
async function makeWay(quick: QuickCalls, target: string, name: string): Promise<void> {
  try {
    const found = await quick.lstat(target)
    if (found.isFile()) return
    const link = found.isSymbolicLink()
    if (!found.isDirectory())
      throw refused(`write "${name}"`, `${link ? "a symbolic link" : "no regular file"} has its name`)
    await rmdir(target)
  } catch (error) {
    if (!isAbsence(error)) throw error
  }
}

async function discard(file: TemporaryFile): Promise<void> {
  // After the rename there is nothing to remove. What cannot be removed now waits for `sweep`; the error that led here is the one to tell.
  await unlink(file.path).catch(() => {})
}
