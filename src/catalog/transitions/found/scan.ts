/** How far the scan of a backend has come. One at a time; pages of an earlier one no longer count. */
import type { SerializedError } from "../../../core/error.ts"
import { NotFoundError, StoredError } from "../../../core/error.ts"
import type { Actor } from "../../catalog.ts"
import type { ScanRecord } from "../../record.ts"
import type { Rows } from "../../rows/rows.ts"
import type { SightingsFact } from "../../sightings.ts"
import { append } from "../journal.ts"
import { editScan, forsakeLooks, neverScanned } from "../looks.ts"

/** `known`: all that a scan has left to be read was read. `forsake`: some thousands of the places that are to be looked at are not. */
export type ScanStep = "start" | "pause" | "resume" | "cancel" | "fail" | "known" | "forsake"

export interface ScanFact extends Actor {
  backend: string
  step: ScanStep
  /** of `start`: whether content that is not known is read */
  hash?: boolean
  /** of `start`: nothing is taken in that the catalog does not know */
  audit?: boolean
  /** of `fail` */
  error?: SerializedError
  /** of `known`: which scan; a later one is not meant */
  number?: number
  /** UTC ms */
  time: number
}

/** places, so that no commit takes long */
const FORSAKEN_AT_ONCE = 5_000

const OPEN = new Set<ScanRecord["state"]>(["running", "paused"])

/**
 * A step that changes nothing is none: a scan that runs is not started again, unless it is an audit, which gives way to a scan that takes in what it finds.
 * @throws NotFoundError where there is no such backend
 * @throws StoredError CONFLICT where there is no scan to pause, resume or end
 */
export function stepScan(rows: Rows, fact: ScanFact): ScanRecord {
  const { backend, step, time } = fact
  if (rows.get("backends", backend) === null)
    throw new NotFoundError(`There is no backend "${backend}".`, { details: { backend } })
  const before = rows.get("scans", backend) ?? neverScanned(backend)
  const givesWay = step === "start" && before.audit === true && !fact.audit
  const known: ScanRecord = givesWay ? { ...before, state: "cancelled" } : before
  if (step === "known") return know(rows, fact, known)
  if (step === "forsake") return { ...forsakeLooks(rows, backend, FORSAKEN_AT_ONCE) }
  const state = next(known, step)
  if (state === null) {
    throw new StoredError(
      "CONFLICT",
      `The scan of backend "${backend}" is ${known.state}: there is nothing to ${step}.`,
      {
        details: { backend, state: known.state },
      },
    )
  }
  if (state === known.state) return { ...known }
  const scan = editScan(rows, backend)
  if (step === "start") {
    if (known.state !== "paused") delete scan.audit
    Object.assign(scan, begun(known, fact))
  }
  Object.assign(scan, { state, modified: time, error: step === "fail" ? (fact.error ?? null) : null })
  if (state === "paused" && known.state === "done") scan.listed = true
  else delete scan.listed
  // Nothing was left to be read in the meantime.
  if (state === "done" && scan.looks === 0) scan.knownAsOf = scan.started
  const told = state === "done" ? "done" : step
  append(rows, { command: "scan", time, backend, actor: fact, detail: { step: told, number: scan.number } })
  return { ...scan }
}

function know(rows: Rows, { backend, number }: ScanFact, known: ScanRecord): ScanRecord {
  if (known.state !== "done" || known.number !== number || known.knownAsOf === known.started) return { ...known }
  const scan = editScan(rows, backend)
  scan.knownAsOf = scan.started
  return { ...scan }
}

function next(
  { state, listed = false, looks }: ScanRecord,
  step: Exclude<ScanStep, "known" | "forsake">,
): ScanRecord["state"] | null {
  const isOpen = OPEN.has(state)
  // What it has left to be read is a part of it.
  const isReading = state === "done" && looks > 0
  const goesOn = listed ? "done" : "running"
  switch (step) {
    case "start":
      return state === "paused" ? goesOn : "running"
    case "pause":
      return isOpen || isReading ? "paused" : null
    case "resume":
      return isOpen ? goesOn : null
    case "cancel":
      return isOpen || isReading ? "cancelled" : null
    case "fail":
      return isOpen ? "failed" : null
  }
}

/** A paused scan that is started goes on; any other begins anew. */
function begun(known: ScanRecord, { backend, hash = false, audit = false, time }: ScanFact): Partial<ScanRecord> {
  if (known.state === "paused") return {}
  const { number, looks, lookBytes, knownAsOf } = known
  const expected = known.state === "done" ? { files: known.files, bytes: known.bytes } : (known.expected ?? null)
  return {
    ...neverScanned(backend),
    number: number + 1,
    looks,
    lookBytes,
    knownAsOf,
    expected,
    hash,
    ...(audit && { audit }),
    started: time,
  }
}

/** Takes a page in. One of a scan that is not under way any more changes nothing here. */
export function advanceScan(
  rows: Rows,
  { backend, page, time }: SightingsFact,
  counts: { added: number; changed: number; missing: number; moved: number; taken: number },
): void {
  const known = rows.get("scans", backend)
  if (!page || page.number !== known?.number || !OPEN.has(known.state)) return
  const scan = editScan(rows, backend)
  scan.cursor = page.cursor
  scan.files += page.files
  scan.bytes += page.bytes
  scan.skipped += page.skipped + counts.taken
  scan.reasons = addUp(scan.reasons, { ...page.reasons, ...(counts.taken > 0 && { taken: counts.taken }) })
  for (const name of ["added", "changed", "missing", "moved"] as const) scan[name] += counts[name]
  scan.modified = time
  if (!page.isLast) return
  scan.cursor = null
  if (scan.state === "paused") {
    scan.listed = true
    return
  }
  scan.state = "done"
  append(rows, { command: "scan", time, backend, detail: { step: "done", number: scan.number } })
  if (scan.looks === 0) scan.knownAsOf = scan.started
}

/** What was passed over after the listing. */
export function addReasons(rows: Rows, backend: string, reasons: Record<string, number>): void {
  const scan = editScan(rows, backend)
  scan.reasons = addUp(scan.reasons, reasons)
  scan.skipped += Object.values(reasons).reduce((sum, times) => sum + times, 0)
}

function addUp(before: Record<string, number>, added: Record<string, number>): Record<string, number> {
  const sum = { ...before }
  for (const [reason, times] of Object.entries(added)) sum[reason] = (sum[reason] ?? 0) + times
  return sum
}
