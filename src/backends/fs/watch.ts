/**
 * Watches the root with chokidar and tells of changes as hints: `add`, `mod`, `del` with the key. Hints may be late, doubled or missing; a listing
 * is the truth. Symbolic links are not followed, and what is no key is reported once as skipped.
 */
import type { Stats } from "node:fs"
import { relative, sep } from "node:path"
import { watch as chokidar, type FSWatcher } from "chokidar"
import { throwIfAborted } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import type { SkippedEntry, WatchEventType, WatchListener } from "../backend.ts"
import { fsError } from "./error.ts"
import { isReserved } from "./place.ts"

const HINTS: Readonly<Record<string, WatchEventType>> = { add: "add", change: "mod", unlink: "del" }

export interface WatchParts {
  /** absolute, real */
  root: string
  onSkip(entry: SkippedEntry): void
}

/** Resolves once watching. @throws StoredError ABORTED, BACKEND_FULL where the system's limit of watches is reached */
export async function watchFiles(parts: WatchParts, listener: WatchListener, signal: AbortSignal): Promise<FSWatcher> {
  throwIfAborted(signal)
  const { root } = parts
  const keyOf = (path: string): string => relative(root, path).split(sep).join("/")
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
  try {
    await ready(watcher, signal)
  } catch (error) {
    await watcher.close()
    throwIfAborted(signal)
    throw fsError(error, `watch "${root}"`)
  }
  // A part of the tree that cannot be watched any more is passed over: the scheduled listing still sees it.
  watcher.on("error", (error) => parts.onSkip({ name: pathOf(error), reason: "unreadable" }))
  return watcher
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
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => settle(() => reject(error))
    const abort = (): void => fail(signal.reason)
    const settle = (finish: () => void): void => {
      watcher.off("error", fail)
      signal.removeEventListener("abort", abort)
      finish()
    }
    watcher.once("ready", () => settle(resolve))
    watcher.on("error", fail)
    signal.addEventListener("abort", abort, { once: true })
  })
}

function pathOf(error: unknown): string {
  return error instanceof Error && "path" in error ? String(error.path) : String(error)
}
