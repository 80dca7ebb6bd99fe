/**
 * Lists the files below the root in the order of their keys' UTF-8 bytes, one directory's names in memory at a time and the states of a few files
 * ahead. Directories count in the order as if they were named with their slash (`a.txt` before `a/b`), so that whole keys come out ordered.
 *
 * Names are handled as byte strings (`key-bytes.ts`): names that are no keys are seen, reported and passed over. Links are never followed.
 */
import { type Dirent, opendirSync, type Stats } from "node:fs"
import { throwIfAborted } from "../../core/error.ts"
import { fileState } from "../../core/file-state.ts"
import { keyFault } from "../../core/key.ts"
import type { BackendEntry, BackendListOptions, SkippedEntry } from "../backend.ts"
import { fromKeyBytes, toKeyBytes } from "../key-bytes.ts"
import { errorCode, isAbsence, lstat } from "./calls.ts"
import type { Directories } from "./directories.ts"
import type { Directory } from "./directory.ts"
import { isReserved, parentOf, TEMPORARY } from "./place.ts"

/** Files whose state is asked for at the same time. */
const AHEAD = 32
/** ms in which the kernel's caches answer for that many */
const QUICK = 2
/** Batches that go through the pool once they did not. */
const POOLED_FOR = 64
const FORBIDDEN = new Set(["EACCES", "EPERM"])

interface Walk {
  directories: Directories
  onSkip(entry: SkippedEntry): void
  /** byte strings */
  prefix: string
  after: string
  signal: AbortSignal | undefined
  /** batches that are still to go through the pool */
  pooled: number
}

/** @throws StoredError ABORTED, and the system's errors as they are */
export async function* listFiles(
  directories: Directories,
  onSkip: (entry: SkippedEntry) => void,
  options: BackendListOptions,
): AsyncGenerator<BackendEntry> {
  const { prefix = "", after = "", signal, limit = Number.POSITIVE_INFINITY } = options
  const start = parentOf(prefix)
  // A prefix that no key can have matches none; it must not reach the file system as a path.
  if (limit <= 0 || isReserved(prefix) || (prefix.includes("/") && (start === "" || dirFault(start)))) return
  const walk = { directories, onSkip, prefix: toKeyBytes(prefix), after: toKeyBytes(after), signal, pooled: 0 }
  let count = 0
  for await (const entry of walkDirectory(walk, start)) {
    yield entry
    count += 1
    if (count >= limit) return
  }
}

async function* walkDirectory(walk: Walk, dir: string): AsyncGenerator<BackendEntry> {
  throwIfAborted(walk.signal)
  const directory = await enter(walk, dir)
  if (!directory) return
  try {
    const names = await namesOf(walk, directory)
    for (let next = 0; next < names.length; ) {
      if (names[next]!.endsWith("/")) {
        const below = keyOf(walk, dir, names[next]!.slice(0, -1), dirFault)
        next += 1
        if (below !== null) yield* walkDirectory(walk, below)
        continue
      }
      const batch = filesFrom(names, next)
      next += batch.length
      for (const entry of await entriesOf(walk, directory, batch)) {
        throwIfAborted(walk.signal)
        if (entry) yield entry
      }
    }
  } finally {
    walk.directories.release(directory)
  }
}

/** A directory that cannot be entered is reported, one that has gone is not. */
async function enter(walk: Walk, dir: string): Promise<Directory | null> {
  try {
    return await walk.directories.find(dir)
  } catch (error) {
    if (errorCode(error) === "BACKEND_REFUSED") walk.onSkip({ name: dir, reason: "symlink" })
    else if (dir !== "" && FORBIDDEN.has(errorCode(error))) walk.onSkip({ name: dir, reason: "unreadable" })
    else throw error
    return null
  }
}

/** The names in a directory that may lead to wanted keys, ordered; directories end in a slash. */
async function namesOf(walk: Walk, directory: Directory): Promise<string[]> {
  const base = directory.dir === "" ? "" : `${toKeyBytes(directory.dir)}/`
  const names: string[] = []
  // The directory is open already; to open and close it once more waits for no disk. "latin1" is one character a byte, so that names that
  // are not UTF-8 arrive whole.
  const listing = opendirSync(directory.place(), { encoding: "latin1", bufferSize: 1024 })
  try {
    for (let entry = await listing.read(); entry; entry = await listing.read()) {
      const kind = await kindOf(entry, directory, base)
      if (kind === null || (base === "" && entry.name === TEMPORARY)) continue
      const name = kind === "directory" ? `${entry.name}/` : entry.name
      if (!isWanted(walk, base + name)) continue
      if (kind === "directory" || kind === "file") names.push(name)
      else walk.onSkip({ name: readable(base + name), reason: kind })
    }
  } catch (error) {
    if (isAbsence(error)) return []
    throw error
  } finally {
    listing.closeSync()
  }
  return names.sort(byBytes)
}

/** Not `localeCompare`: byte strings compare by their characters. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

type Kind = "file" | "directory" | "symlink" | "not-a-file"

async function kindOf(entry: Dirent | Stats, directory: Directory, base: string): Promise<Kind | null> {
  if (entry.isFile()) return "file"
  if (entry.isDirectory()) return "directory"
  if (entry.isSymbolicLink()) return "symlink"
  if (!("name" in entry) || isKnown(entry)) return "not-a-file"
  // Some file systems do not tell the kind with the name.
  try {
    const name = Buffer.from(entry.name, "latin1")
    return await kindOf(await lstat(Buffer.concat([Buffer.from(`${directory.place()}/`), name])), directory, base)
  } catch (error) {
    if (isAbsence(error)) return null
    throw error
  }
}

function isKnown(entry: Dirent): boolean {
  return entry.isFIFO() || entry.isSocket() || entry.isBlockDevice() || entry.isCharacterDevice()
}

/** Whether a key (or, ending in a slash, any key below it) can have the prefix and lie after the cursor. */
function isWanted({ prefix, after }: Walk, key: string): boolean {
  if (!key.endsWith("/")) return key.startsWith(prefix) && key > after
  return (key.startsWith(prefix) || prefix.startsWith(key)) && (key > after || after.startsWith(key))
}

function filesFrom(names: string[], start: number): string[] {
  let end = start
  while (end < names.length && end - start < AHEAD && !names[end]!.endsWith("/")) end += 1
  return names.slice(start, end)
}

/** As long as the kernel's caches answer, they are asked directly, which costs a tenth; a disk that has to be read is waited for in the pool, for a while. */
async function entriesOf(walk: Walk, directory: Directory, names: string[]): Promise<(BackendEntry | null)[]> {
  const found: (BackendEntry | null)[] = []
  const { quick } = walk.directories
  const began = performance.now()
  for (const name of names) {
    if (walk.pooled > 0 || performance.now() - began > QUICK) break
    found.push(await entryOf(walk, directory, name, quick.lstat))
  }
  if (found.length === names.length) return found
  walk.pooled = walk.pooled > 0 ? walk.pooled - 1 : POOLED_FOR
  const rest = names.slice(found.length).map((name) => entryOf(walk, directory, name, lstat))
  return [...found, ...(await Promise.all(rest))]
}

type Look = (path: string) => Stats | Promise<Stats>

async function entryOf(walk: Walk, directory: Directory, name: string, look: Look): Promise<BackendEntry | null> {
  const key = keyOf(walk, directory.dir, name)
  if (key === null) return null
  try {
    const found = await look(directory.at(key.slice(key.lastIndexOf("/") + 1)))
    // It was a file when its name was read; what has become of it since is for the next listing.
    return found.isFile() ? { key, ...fileState(found) } : null
  } catch (error) {
    if (isAbsence(error)) return null
    if (!FORBIDDEN.has(errorCode(error))) throw error
    walk.onSkip({ name: key, reason: "unreadable" })
    return null
  }
}

/** The key of a name, or null, reported, where it can be none. */
function keyOf(walk: Walk, dir: string, name: string, fault: (key: string) => string | null = keyFault): string | null {
  const text = fromKeyBytes(name)
  const key = text === null ? null : dir === "" ? text : `${dir}/${text}`
  if (key !== null && !fault(key)) return key
  walk.onSkip({ name: readable(dir === "" ? name : `${toKeyBytes(dir)}/${name}`), reason: "invalid-name" })
  return null
}

/** What is wrong with every key below a directory, or null. A directory's own name need not be a key. */
function dirFault(dir: string): string | null {
  return keyFault(`${dir}/_`)
}

/** For people: bytes that are no text, and control characters, as `%XX`. */
function readable(bytes: string): string {
  const shown = bytes.replace(/[\u0000-\u001f\u007f]/g, percent)
  return fromKeyBytes(shown) ?? shown.replace(/[\u0080-\u00ff]/g, percent)
}

function percent(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`
}
