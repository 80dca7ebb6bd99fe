/** A scan, and what differs at a backend, for a person. */
import type { BackendScan, DriftEntry, ScanStatus } from "../store/store.ts"
import { formatAge, formatBytes, formatCount, safe } from "./format.ts"

/** Why entries are passed over, as scans count it. */
const REASONS: Readonly<Record<string, string>> = {
  symlink: "symbolic links",
  "not-a-file": "no regular files",
  "invalid-name": "names that can be no key",
  unreadable: "unreadable",
  ignored: "ignored",
  taken: "keys that name another object",
}

/** One line. @param now UTC ms */
export function describeScan(status: ScanStatus, now: number): string {
  const { backend, number, state, files, bytes, started, modified } = status
  if (number === 0) return `${safe(backend)} was never scanned${left(status)}`
  const age = formatAge((state === "running" ? now : modified) - started)
  const parts = [
    `${safe(backend)} ${status.listed ? LISTED : STATES[state]}: ${formatCount(files, "file")}, ${formatBytes(bytes)} in ${age}`,
    `${formatCount(status.added)} added, ${formatCount(status.changed)} changed, ${formatCount(status.missing)} missing, ${formatCount(status.moved)} moved`,
    ...(status.skipped > 0 ? [skipped(status)] : []),
  ]
  return parts.join("; ") + left(status)
}

const STATES: Readonly<Record<ScanStatus["state"], string>> = {
  idle: "is not scanned",
  running: "is being scanned",
  paused: "is scanned in part, paused",
  cancelled: "was scanned in part, cancelled",
  failed: "was scanned in part, failed",
  done: "scanned",
}

const LISTED = "is listed, its reading paused"

function skipped({ skipped: count, reasons }: ScanStatus): string {
  const each = Object.entries(reasons).sort(([, a], [, b]) => b - a)
  const why = each.map(([reason, times]) => `${formatCount(times)} ${REASONS[reason] ?? safe(reason)}`)
  return `${formatCount(count)} skipped${why.length > 0 ? ` (${why.join(", ")})` : ""}`
}

function left({ looks, lookBytes, read, changing, waits }: ScanStatus): string {
  const written = changing > 0 ? `, ${formatCount(changing)} of them being written to` : ""
  const files =
    looks === 0
      ? ""
      : `; still to be read: ${formatCount(looks)} of ${formatCount(read + looks, "file")}, ${formatBytes(lookBytes)}${written}`
  return files + (waits ? `; waits: ${safe(waits.message)}` : "")
}

/** What a status shows of it, behind its backend. @param now UTC ms */
export function describeScanBriefly(scan: BackendScan, now: number): string {
  const { state, files, looks, changing, waits, knownAsOf } = scan
  return [
    state,
    `${formatCount(files, "file")}${state === "running" ? " so far" : ""}`,
    ...(looks > 0 ? [`${formatCount(looks)} left to read`] : []),
    ...(changing ? [`${formatCount(changing)} of them being written to`] : []),
    knownAsOf === null ? "not known to be true yet" : `known to be true ${formatAge(now - knownAsOf)} ago`,
    ...(waits ? [`waits: ${safe(waits.message)}`] : []),
  ].join(", ")
}

/** One line. */
export function describeDrift({ kind, key, healable, changing }: DriftEntry): string {
  const isMendable = healable && (kind === "missing" || kind === "corrupt")
  const note = isMendable ? "  (another copy can replace it)" : changing ? "  (being written to)" : ""
  return `${kind.padEnd(KIND)}  ${safe(key)}${note}`
}

const KIND = "changed".length
