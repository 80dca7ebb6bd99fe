/**
 * Watches the root with chokidar and tells of changes as hints: `add`, `mod`, `del` with the key. Hints may be late, doubled or missing; a listing
 * is the truth. Symbolic links are not followed, and what is no key is reported once as skipped.
 *
 * A watch that cannot hear all of the tree, because the system gives no more watches, or hears of a directory that is the root no more, ends and says why: half a watch
 * would look like a whole one.
 */
import { type Stats, statSync } from "node:fs"
import { stat } from "node:fs/promises"
import { relative, sep } from "node:path"
import { watch as chokidar, type FSWatcher } from "chokidar"
import { PermanentAdapterError, type StoredError, TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import type { SkippedEntry, WatchEventType, WatchListener } from "../backend.ts"
import { errorCode } from "./calls.ts"
import { fsError } from "./error.ts"
import { isReserved } from "./place.ts"

const HINTS: Readonly<Record<string, WatchEventType>> = { add: "add", change: "mod", unlink: "del" }
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
}

/** Resolves once watching. @throws StoredError ABORTED, BACKEND_FULL where the system's limit of watches is reached, BACKEND_UNAVAILABLE */
export async function watchFiles(parts: WatchParts, listener: WatchListener, signal: AbortSignal): Promise<FSWatcher> {
  throwIfAborted(signal)
  const { root } = parts
  const keyOf = (path: string): string => relative(root, path).split(sep).join("/")
  const isRoot = rootLook(root)
  const watcher = chokidar(root, {
    // The default takes files such as `notes~` for editors' leftovers and says nothing about them.
    atomic: false,
    followSymlinks: false,
    ignoreInitial: true,
    alwaysStat: true,
    ignored: (path) => isReserved(keyOf(path)),
  })
  watcher.on("all", (event, path, stats) => {
    const type = HINTS[event]
    if (type) hint(parts, listener, { type, key: keyOf(path) }, stats)
  })
  const broken = Promise.withResolvers<never>()
  // What breaks it before it watches is thrown, later it is told.
  broken.promise.catch(() => {})
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
    await watcher.close()
    throwIfAborted(signal)
    throw error
  }
  const timer = setInterval(() => void isRoot().then((same) => same || broken.reject(gone(root))), LOOK_EVERY).unref()
  signal.addEventListener("abort", () => clearInterval(timer), { once: true })
  broken.promise.catch((error: StoredError) => {
    clearInterval(timer)
    if (watcher.closed) return
    void watcher.close()
    if (!signal.aborted) parts.onEnd(error)
  })
  return watcher
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
