/** The places that somebody is to look at: it is not known what lies there. Counted in all and for each backend. */
import type { Actor } from "../catalog.ts"
import type { ScanRecord } from "../record.ts"
import { locationKey, requireStorableKey } from "../rows/key.ts"
import type { Rows } from "../rows/rows.ts"
import { append } from "./journal.ts"
import { count } from "./totals.ts"

export function neverScanned(backend: string): ScanRecord {
  return {
    backend,
    number: 0,
    state: "idle",
    hash: false,
    cursor: null,
    started: 0,
    modified: 0,
    files: 0,
    bytes: 0,
    added: 0,
    changed: 0,
    missing: 0,
    moved: 0,
    skipped: 0,
    reasons: {},
    looks: 0,
    lookBytes: 0,
    read: 0,
    expected: null,
    error: null,
    knownAsOf: null,
  }
}

/** The scan of a backend, for this commit to change. */
export function editScan(rows: Rows, backend: string): ScanRecord {
  return rows.edit("scans", backend, neverScanned(backend))
}

/**
 * Places are to be looked at; none is at a backend that is not known any more.
 * @param asked who asked for it, where it was not the store itself or a watcher's hint
 * @throws StoredError INVALID_KEY
 */
export function askForLooks(
  rows: Rows,
  backend: string,
  keys: readonly string[],
  asked?: Actor & { time: number },
): void {
  if (rows.get("backends", backend) === null) return
  for (const key of keys) {
    requireStorableKey(key)
    lookAt(rows, backend, key, rows.get("locations", locationKey(backend, key))?.seen?.size ?? 0)
  }
  if (!asked) return
  const { time, ...actor } = asked
  append(rows, { command: "look", time, backend, actor, detail: { places: keys.length } })
}

/** @param size bytes that lie there, as far as is known */
export function lookAt(rows: Rows, backend: string, key: string, size: number): void {
  const row = locationKey(backend, key)
  const before = rows.get("looks", row)
  if (before === size) return
  rows.put("looks", row, size)
  tally(rows, backend, before === null ? 1 : 0, size - (before ?? 0))
}

/** Nobody need look there any more. */
export function lookedAt(rows: Rows, backend: string, key: string): void {
  const row = locationKey(backend, key)
  const before = rows.get("looks", row)
  if (before === null) return
  rows.remove("looks", row)
  tally(rows, backend, -1, -before)
}

/** Nobody is to look at so many of the places any more. */
export function forsakeLooks(rows: Rows, backend: string, limit: number): ScanRecord {
  const scan = editScan(rows, backend)
  for (const [row, size] of [...rows.range("looks", { prefix: locationKey(backend, ""), limit })]) {
    rows.remove("looks", row)
    count(rows, { looks: -1 })
    scan.looks -= 1
    scan.lookBytes -= size
  }
  return scan
}

function tally(rows: Rows, backend: string, looks: number, bytes: number): void {
  if (looks !== 0) count(rows, { looks })
  const scan = editScan(rows, backend)
  scan.looks += looks
  scan.lookBytes += bytes
  if (looks >= 0) return
  // Rows of before it was counted do not have it.
  scan.read = (scan.read ?? 0) - looks
  if (scan.looks === 0 && scan.state === "done") scan.knownAsOf = scan.started
}
