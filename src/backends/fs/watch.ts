/**
 * Watches the root with chokidar and tells of changes as hints: `add`, `mod`, `del` with the key. Hints may be late, doubled or missing; a listing
 * is the truth. Symbolic links are not followed, and what is no key is reported once as skipped.
 *
 * A watch that cannot hear all of the tree, because the system gives no more watches, the tree is larger than memory is to be had for, or the directory is the root no
 * more, ends and says why: half a watch would look like a whole one. Where more came at once than the kernel keeps, something may be missing: that is told, and it goes on.
 */
import { type Dirent, type Stats, statSync } from "node:fs"
import { stat } from "node:fs/promises"
import { relative, sep } from "node:path"
import { watch as chokidar, type FSWatcher } from "chokidar"
import { PermanentAdapterError, type StoredError, TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import type { SkippedEntry, WatchEventType, WatchListener } from "../backend.ts"
import { errorCode } from "./calls.ts"
import { countEntries } from "./count-entries.ts"
import { fsError } from "./error.ts"
import { type EventQueue, eventQueue } from "./event-queue.ts"
import { isReserved } from "./place.ts"

/** Of each entry below the root something is kept, 2 KiB while the watch begins: no tree is watched that has more of them. */
export const MOST_ENTRIES = 200_000

const HINTS: Readonly<Record<string, WatchEventType>> = { add: "add", change: "mod", unlink: "del" }
/** By how much an event changes how many entries there are. */
const GROWTH: Readonly<Record<string, number>> = { add: 1, addDir: 1, unlink: -1, unlinkDir: -1 }
/** Out of which of the system's limits no more can be watched. */
const LIMITS: Readonly<Record<string, string>> = {
  ENOSPC: "fs.inotify.max_user_watches",
  EMFILE: "fs.inotify.max_user_instances or the process's open files",
  ENFILE: "the system's open files",
}
/** ms between two looks whether the root is still the one that is watched: a disk mounted over it tells nobody */
const LOOK_EVERY = 10_000

export interface WatchParts {
  /** absolute, real */
  root: string
  onSkip(entry: SkippedEntry): void
  /** told once where it ends by itself: nothing is heard any more */
  onEnd(error: StoredError): void
  /** whether nobody wants to hear of a key, or, with a slash at its end, of all that lies in a folder */
  passesOver(path: string): boolean
  /** told where hints may have been lost; it goes on */
  onMiss?(error: StoredError): void
  /** entries below the root with which it is watched at most; absent: `MOST_ENTRIES` */
  most?: number
  /** of the kernel; absent: that of this process */
  queue?: EventQueue
}

/** Resolves once watching. @throws StoredError ABORTED, BACKEND_FULL where the system's limit of watches is reached, BACKEND_UNAVAILABLE */
export async function watchFiles(parts: WatchParts, listener: WatchListener, signal: AbortSignal): Promise<FSWatcher> {
  throwIfAborted(signal)
  const { root, passesOver, most = MOST_ENTRIES, queue = eventQueue() } = parts
  const keyOf = (path: string): string => relative(root, path).split(sep).join("/")
  const isIgnored = (path: string, stats?: Stats | Dirent): boolean =>
    isReserved(keyOf(path)) || (path !== root && isUnwanted(keyOf(path), stats, passesOver))
  const isRoot = rootLook(root)
  let entries = await countBelow(root, most, isIgnored, signal)
  const watcher = chokidar(root, {
    // The default takes files such as `notes~` for editors' leftovers and says nothing about them.
    atomic: false,
    followSymlinks: false,
    ignoreInitial: true,
    alwaysStat: true,
    ignored: isIgnored,
  })
  const broken = Promise.withResolvers<never>()
  // What breaks it before it watches is thrown, later it is told.
  broken.promise.catch(() => {})
  const endQueue = queue.onFull(() => parts.onMiss?.(missed(root, queue.bound)))
  watcher.on("raw", () => queue.take())
  watcher.on("all", (event, path, stats) => {
    entries += GROWTH[event] ?? 0
    if (entries > most) broken.reject(tooMany(root, most))
    const type = HINTS[event]
    if (type) hint(parts, listener, { type, key: keyOf(path) }, stats)
  })
  watcher.on("error", (error) => {
    const limit = LIMITS[errorCode(error)]
    if (limit !== undefined) broken.reject(full(root, limit, error))
    else if (pathOf(error) === root) broken.reject(fsError(error, `watch "${root}"`))
    // A part of the tree that may not be watched is passed over: the scheduled listing says so, too.
    else parts.onSkip({ name: pathOf(error), reason: "unreadable" })
  })
  watcher.on("unlinkDir", (path) => {
    if (path === root) broken.reject(gone(root))
  })
  try {
    await Promise.race([ready(watcher, signal), broken.promise])
    throwIfAborted(signal)
  } catch (error) {
    endQueue()
    await watcher.close()
    throwIfAborted(signal)
    throw error
  }
  const timer = setInterval(() => void isRoot().then((same) => same || broken.reject(gone(root))), LOOK_EVERY).unref()
  const end = (): void => {
    clearInterval(timer)
    endQueue()
  }
  signal.addEventListener("abort", end, { once: true })
  broken.promise.catch((error: StoredError) => {
    end()
    if (watcher.closed) return
    void watcher.close()
    if (!signal.aborted) parts.onEnd(error)
  })
  return watcher
}

/** Asked before it is known what it is, too: then it is unwanted whatever it may be. */
function isUnwanted(key: string, stats: Stats | Dirent | undefined, passesOver: WatchParts["passesOver"]): boolean {
  if (stats?.isDirectory()) return passesOver(`${key}/`)
  return passesOver(key) && (stats !== undefined || passesOver(`${key}/`))
}

/** Tells whether what lies at the path is still what lies there now. */
function rootLook(root: string): () => Promise<boolean> {
  const { dev, ino } = statSync(root)
  return async () => {
    const found = await stat(root).catch(() => null)
    return found?.dev === dev && found.ino === ino
  }
}

function full(root: string, limit: string, cause: unknown): StoredError {
  const message = `"${root}" cannot be watched: the system gives no more watches (${errorCode(cause)}); raise ${limit}, or rely on scans.`
  return new PermanentAdapterError("BACKEND_FULL", message, { cause, details: { system: errorCode(cause) } })
}

/** @throws StoredError BACKEND_FULL where there are more than may be */
async function countBelow(
  root: string,
  most: number,
  passesOver: (path: string, entry: Dirent) => boolean,
  signal: AbortSignal,
): Promise<number> {
  const count = await countEntries(root, { most, passesOver, signal })
  if (count > most) throw tooMany(root, most)
  return count
}

function tooMany(root: string, most: number): StoredError {
  const message = `"${root}" is not watched: it has more than ${most} entries, and of each something would be kept in memory; raise "watchEntries", or rely on scans.`
  return new PermanentAdapterError("BACKEND_FULL", message, { details: { entries: most } })
}

function missed(root: string, bound: number): StoredError {
  const message = `So much has changed at once in "${root}" that hints may have been lost (${bound} or more in one go); a scan finds them. Raise fs.inotify.max_queued_events where that comes often.`
  return new TransientAdapterError(message, { details: { events: bound } })
}

function gone(root: string): StoredError {
  return new TransientAdapterError(`The root "${root}" is gone, or is another directory by now; mount its disk.`)
}

function hint(
  { onSkip }: WatchParts,
  listener: WatchListener,
  event: { type: WatchEventType; key: string },
  stats: Stats | undefined,
): void {
  if (keyFault(event.key)) onSkip({ name: event.key, reason: "invalid-name" })
  else if (stats?.isSymbolicLink()) onSkip({ name: event.key, reason: "symlink" })
  else if (stats && !stats.isFile()) onSkip({ name: event.key, reason: "not-a-file" })
  else listener(event)
}

function ready(watcher: FSWatcher, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      signal.removeEventListener("abort", end)
      resolve()
    }
    watcher.once("ready", end)
    signal.addEventListener("abort", end, { once: true })
  })
}

function pathOf(error: unknown): string {
  return error instanceof Error && "path" in error ? String(error.path) : String(error)
}
