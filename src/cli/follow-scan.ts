/** Waits for a scan, and for what it has left to be read, and shows how far it is. */
import { setTimeout as sleep } from "node:timers/promises"
import { isStoredError, type SerializedError, StoredError } from "../core/error.ts"
import type { ScanStatus } from "../store/store.ts"
import type { Access, CommandLine, GlobalOptions } from "./command-line.ts"
import { formatBytes, formatCount, safe } from "./format.ts"
import { startScanProgress } from "./scan-progress.ts"

/** ms between two looks: a small folder is done at once, a large one is not asked for all the time */
const FIRST_LOOK = 10
const LONGEST_LOOK = 250
/** ms for which a server may be away */
const AWAY = 60_000
/** ms for which nothing may be read: longer than what cannot be read now is left alone */
const STILL = 45_000
/** bytes a second that the slowest disk gives, or the lowest `scan.rate` that makes sense */
const SLOWEST = 64 * 2 ** 10

export interface FollowOptions extends GlobalOptions {
  /** ms for which what is left to be read may stay the same; absent: by how much it is */
  patience?: ((status: ScanStatus) => number) | undefined
}

/**
 * The status once nothing of the scan is under way any more. Where Ctrl-C comes before, a scan of this process is paused.
 * @throws StoredError ABORTED (Ctrl-C), TIMEOUT (what is left cannot be read now), and what `access` throws
 */
export async function followScan(
  line: CommandLine,
  access: Access,
  name: string,
  { json, patience = patienceFor }: FollowOptions,
): Promise<ScanStatus> {
  const progress = startScanProgress(line, { json })
  const stall = new Stall(patience)
  try {
    for (let delay = FIRST_LOOK; ; delay = Math.min(delay * 2, LONGEST_LOOK)) {
      const status = await look(line, access, name)
      if (isOver(status)) return status
      if (line.signal.aborted) throw await interrupt(access, status)
      if (isShut(status) || stall.isOver(status)) throw unread(status)
      progress?.update(status)
      await pause(delay, line.signal)
    }
  } finally {
    progress?.end()
  }
}

/** @throws StoredError why the scan has failed; CONFLICT where somebody else has ended it */
export function requireDone({ backend, state, error }: ScanStatus): void {
  if (state === "failed" && error) throw revived(error)
  if (state === "done") return
  throw new StoredError("CONFLICT", `The scan of backend "${backend}" was ${state} by somebody else.`)
}

function revived({ code, message, retryable, details = {} }: SerializedError): StoredError {
  return new StoredError(code, message, { retryable, details })
}

/** How long what is left may stay the same: while something is read, a large file takes long before it is one less. */
export function patienceFor({ lookBytes, reading }: ScanStatus): number {
  return STILL + (reading > 0 ? (lookBytes / SLOWEST) * 1000 : 0)
}

/** Whether what is left is not read before another time of day, or before somebody resumes the backend. */
function isShut({ state, waits }: ScanStatus): boolean {
  return waits?.code === "PAUSED" || (state === "done" && waits?.code === "OUT_OF_HOURS")
}

function isOver({ state, looks }: ScanStatus): boolean {
  return state !== "running" && (state !== "done" || looks === 0)
}

/** Whether what is left to be read has been the same for too long. */
class Stall {
  readonly #patience: (status: ScanStatus) => number
  #seen = ""
  #since = 0

  constructor(patience: (status: ScanStatus) => number) {
    this.#patience = patience
  }

  isOver(status: ScanStatus): boolean {
    const { state, looks, lookBytes } = status
    const seen = `${state} ${looks} ${lookBytes}`
    if (seen !== this.#seen || state === "running") {
      this.#seen = seen
      this.#since = performance.now()
      return false
    }
    return performance.now() - this.#since > this.#patience(status)
  }
}

/** A server that is away for a while is asked again. */
async function look(line: CommandLine, access: Access, name: string): Promise<ScanStatus> {
  const until = performance.now() + AWAY
  for (;;) {
    try {
      return await access.scanStatus(name)
    } catch (error) {
      const mayPass = isStoredError(error) && error.retryable && performance.now() < until
      if (!mayPass || line.signal.aborted) throw error
    }
    await pause(LONGEST_LOOK, line.signal)
  }
}

/** What to tell whoever has interrupted: where the scan is now. */
async function interrupt(access: Access, { backend, state }: ScanStatus): Promise<StoredError> {
  const name = safe(backend)
  if (!access.idle) return interrupted(`the scan of ${name} goes on at the server`, `stored scan ${name} --status`)
  if (state !== "running")
    return interrupted(`the scan of ${name} is done, not all of it is read`, `stored scan ${name}`)
  const { files } = await access.pauseScan(backend)
  return interrupted(`the scan of ${name} is paused after ${formatCount(files, "file")}`, `stored scan ${name}`)
}

function interrupted(what: string, next: string): StoredError {
  return new StoredError("ABORTED", `Interrupted: ${what}; go on with ${next}.`)
}

function unread({ backend, state, looks, lookBytes, waits }: ScanStatus): StoredError {
  const files = `${formatCount(looks, "file")} (${formatBytes(lookBytes)})`
  const what = state === "running" ? "What is not listed yet" : files
  const why = waits ? waits.message.replace(/\.$/, "") : "they are written to, or may not be read"
  return new StoredError(
    "TIMEOUT",
    `${what} on backend "${backend}" cannot be read now: ${why}; they are tried again while the store is open.`,
    { retryable: true, details: { backend, looks, lookBytes } },
  )
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
