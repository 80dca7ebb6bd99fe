/**
 * Lists the files below the root in the order of their keys' UTF-8 bytes, one directory's names in memory at a time and the states of a few files
 * ahead. Directories count in the order as if they were named with their slash (`a.txt` before `a/b`), so that whole keys come out ordered.
 *
 * Names are handled as byte strings (`key-bytes.ts`): names that are no keys are seen, reported and passed over. Links are passed over, too, or followed inside the root (`follow.ts`).
 */
import { type Dirent, opendirSync, type Stats } from "node:fs"
import { stat } from "node:fs/promises"
import { join } from "node:path"
import { throwIfAborted } from "../../core/error.ts"
import { fileState } from "../../core/file-state.ts"
import { keyFault } from "../../core/key.ts"
import type { BackendEntry, BackendListOptions, SkippedEntry } from "../backend.ts"
import { fromKeyBytes, toKeyBytes } from "../key-bytes.ts"
import { errorCode, isAbsence, lstat } from "./calls.ts"
import type { Directories } from "./directories.ts"
import type { Directory } from "./directory.ts"
import { asLinked, realKey } from "./follow.ts"
import { isReserved, nameOf, parentOf, TEMPORARY } from "./place.ts"
import { statFile } from "./read.ts"

/** Files whose state is asked for at the same time. */
const AHEAD = 32
/** ms in which the kernel's caches answer for that many */
const QUICK = 2
/** Batches that go through the pool once they did not. */
const POOLED_FOR = 64
const FORBIDDEN = new Set(["EACCES", "EPERM"])

/** Links that lead to directories with links that lead to directories …: so many of them in one key. */
const MOST_LINKS = 4

export interface ListParts {
  directories: Directories
  onSkip(entry: SkippedEntry): void
  /** the root's path where links are followed inside it; null: none is */
  follow: string | null
}

interface Walk {
  directories: Directories
  follow: string | null
  onSkip(entry: SkippedEntry): void
  /** byte strings */
  prefix: string
  after: string
  signal: AbortSignal | undefined
  /** batches that are still to go through the pool */
  pooled: number
  passesOver(folder: string): boolean
}

/** @throws StoredError ABORTED, and the system's errors as they are */
export async function* listFiles(
  { directories, onSkip, follow }: ListParts,
  options: BackendListOptions,
): AsyncGenerator<BackendEntry> {
  const { prefix = "", after = "", signal, limit = Number.POSITIVE_INFINITY, passesOver = () => false } = options
  const start = parentOf(prefix)
  // A prefix that no key can have matches none; it must not reach the file system as a path.
  if (limit <= 0 || isReserved(prefix) || (prefix.includes("/") && (start === "" || dirFault(start)))) return
  const bounds = { prefix: toKeyBytes(prefix), after: toKeyBytes(after) }
  const walk = { directories, follow, onSkip, ...bounds, signal, pooled: 0, passesOver }
  let count = 0
  for await (const entry of walkDirectory(walk, await enterFirst(walk, start))) {
    yield entry
    count += 1
    if (count >= limit) return
  }
}

/** A directory that is walked under a key, which is not its own where a link led to it. */
interface Entered {
  key: string
  directory: Directory
  /** the directories in which the links lie that led here, and this one */
  chain: readonly string[]
}

async function* walkDirectory(walk: Walk, entered: Entered | null): AsyncGenerator<BackendEntry> {
  if (!entered) return
  const { key, directory } = entered
  try {
    throwIfAborted(walk.signal)
    const names = await namesOf(walk, entered)
    for (let next = 0; next < names.length; ) {
      if (names[next]!.endsWith("/")) {
        const below = keyOf(walk, key, names[next]!.slice(0, -1), dirFault)
        next += 1
        if (below !== null && !walk.passesOver(`${below}/`))
          yield* walkDirectory(walk, await enter(walk, below, entered))
        continue
      }
      const batch = filesFrom(names, next)
      next += batch.length
      for (const entry of await entriesOf(walk, entered, batch)) {
        throwIfAborted(walk.signal)
        if (entry) yield entry
      }
    }
  } finally {
    walk.directories.release(directory)
  }
}

/** Where a link may lead to the first directory, all is walked from the root, so that one and the same key is always reached in the same way. */
async function enterFirst(walk: Walk, start: string): Promise<Entered | null> {
  throwIfAborted(walk.signal)
  const root = start === "" || walk.follow !== null ? "" : start
  return enter(walk, root, null)
}

/** A directory that cannot be entered is reported, one that has gone is not. */
async function enter(walk: Walk, key: string, above: Entered | null): Promise<Entered | null> {
  const own = above ? below(above.directory.dir, nameOf(key)) : key
  try {
    const directory = await walk.directories.find(own)
    return directory && { key, directory, chain: [...(above?.chain.slice(0, -1) ?? []), own] }
  } catch (error) {
    if (errorCode(error) === "BACKEND_REFUSED") {
      const target = above && (await targetOf(walk, own, above.chain))
      const directory = target === null ? null : await walk.directories.find(target)
      if (directory) return { key, directory, chain: [...above!.chain, target!] }
      walk.onSkip({ name: key, reason: "symlink" })
    } else if (key !== "" && FORBIDDEN.has(errorCode(error))) walk.onSkip({ name: key, reason: "unreadable" })
    else throw error
    return null
  }
}

/** Where a link leads to a directory inside the root that does not lead back to the link itself. */
async function targetOf({ follow }: Walk, link: string, chain: readonly string[]): Promise<string | null> {
  const target = follow === null || chain.length > MOST_LINKS ? null : await realKey(follow, link)
  if (target === null || chain.some((dir) => target === "" || `${dir}/`.startsWith(`${target}/`))) return null
  return target
}

function below(dir: string, name: string): string {
  return dir === "" ? name : `${dir}/${name}`
}

/** The names in a directory that may lead to wanted keys, ordered; directories end in a slash. */
async function namesOf(walk: Walk, { key, directory }: Entered): Promise<string[]> {
  const base = key === "" ? "" : `${toKeyBytes(key)}/`
  const names: string[] = []
  // The directory is open already; to open and close it once more waits for no disk. "latin1" is one character a byte, so that names that
  // are not UTF-8 arrive whole.
  const listing = opendirSync(directory.place(), { encoding: "latin1", bufferSize: 1024 })
  try {
    for (let entry = await listing.read(); entry; entry = await listing.read()) {
      const found = await kindOf(entry, directory, base)
      const kind = found === "symlink" ? await kindOfTarget(walk, directory, entry.name) : found
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

/** What a link leads to where links are followed. */
async function kindOfTarget({ follow }: Walk, directory: Directory, name: string): Promise<Kind> {
  const text = follow === null ? null : fromKeyBytes(name)
  const target = text === null ? null : await realKey(follow!, below(directory.dir, text))
  if (target === null) return "symlink"
  const found = await stat(join(follow!, target)).catch(() => null)
  return found?.isFile() ? "file" : found?.isDirectory() ? "directory" : "symlink"
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
async function entriesOf(walk: Walk, entered: Entered, names: string[]): Promise<(BackendEntry | null)[]> {
  const found: (BackendEntry | null)[] = []
  const { quick } = walk.directories
  const began = performance.now()
  for (const name of names) {
    if (walk.pooled > 0 || performance.now() - began > QUICK) break
    found.push(await entryOf(walk, entered, name, quick.lstat))
  }
  if (found.length === names.length) return found
  walk.pooled = walk.pooled > 0 ? walk.pooled - 1 : POOLED_FOR
  const rest = names.slice(found.length).map((name) => entryOf(walk, entered, name, lstat))
  return [...found, ...(await Promise.all(rest))]
}

type Look = (path: string) => Stats | Promise<Stats>

async function entryOf(walk: Walk, entered: Entered, name: string, look: Look): Promise<BackendEntry | null> {
  const key = keyOf(walk, entered.key, name)
  if (key === null) return null
  const { directory } = entered
  try {
    const found = await look(directory.at(nameOf(key)))
    if (found.isSymbolicLink()) return await linkedEntry(walk, directory, key)
    // It was a file when its name was read; what has become of it since is for the next listing.
    return found.isFile() ? { key, ...fileState(found) } : null
  } catch (error) {
    if (isAbsence(error)) return null
    if (!FORBIDDEN.has(errorCode(error))) throw error
    walk.onSkip({ name: key, reason: "unreadable" })
    return null
  }
}

/** What a link leads to, under the link's key. It is the same file under another name, whoever looks: not one that was renamed. */
async function linkedEntry(
  { directories, follow }: Walk,
  { dir }: Directory,
  key: string,
): Promise<BackendEntry | null> {
  const target = follow === null ? null : await realKey(follow, below(dir, nameOf(key)))
  const state = target === null ? null : await statFile(directories, target)
  return state && { key, ...asLinked(state) }
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
