/**
 * The progress of a scan on stderr, only on a terminal. While it lists: `photos  12,345 files  1.0 GiB  310 MiB/s`, for nobody knows how much there is; where it was listed
 * before, `photos  ~██████░░░░ 60 %  12,345/~20,000 files  1.0 GiB  310 MiB/s`, as if there were as many again. What is left to be
 * read after that is known: `photos  ██████░░░░ 52 %  1,200 files left  1.0 GiB/2.0 GiB  310 MiB/s  4 s left`.
 */
import type { ScanStatus } from "../store/store.ts"
import type { Terminal } from "./command-line.ts"
import { formatAge, formatBytes, formatCount, safe } from "./format.ts"
import { barOf, clearLine, drawLine } from "./progress.ts"

export interface ScanProgress {
  update(status: ScanStatus): void
  /** Takes it away. */
  end(): void
}

/** Null: there is nobody to show it to. */
export function startScanProgress(
  { stderr }: Pick<Terminal, "stderr">,
  options: { json?: boolean | undefined },
): ScanProgress | null {
  if (!stderr.isTTY || options.json) return null
  let listing: Mark | null = null
  let reading: Mark | null = null
  return {
    update: (status) => {
      const now = performance.now()
      if (status.state === "running") {
        listing ??= { bytes: status.bytes, time: now }
        drawLine(stderr, listingLine(status, rate(status.bytes - listing.bytes, now - listing.time)))
        return
      }
      // More may come meanwhile: the whole is what there was at most.
      if (reading === null || status.lookBytes > reading.bytes) reading = { bytes: status.lookBytes, time: now }
      drawLine(stderr, readingLine(status, reading.bytes, rate(reading.bytes - status.lookBytes, now - reading.time)))
    },
    end: () => clearLine(stderr),
  }
}

interface Mark {
  bytes: number
  time: number
}

function rate(bytes: number, elapsed: number): number {
  return Math.round((Math.max(0, bytes) / Math.max(elapsed, 1)) * 1000)
}

/** @param speed bytes a second */
export function listingLine({ backend, files, bytes, looks, expected }: ScanStatus, speed: number): string {
  // As many as the last time, as far as anybody knows; more than that is no share of it.
  const isGuess = expected !== null && expected.files > 0 && files <= expected.files
  const parts = [
    safe(backend),
    ...(isGuess ? [`~${barOf(files / expected.files)}`] : []),
    isGuess ? `${formatCount(files)}/~${formatCount(expected.files, "file")}` : formatCount(files, "file"),
    formatBytes(bytes),
    `${formatBytes(speed)}/s`,
  ]
  if (looks > 0) parts.push(`${formatCount(looks)} left to read`)
  return parts.join("  ")
}

/** @param whole bytes that were to be read. @param speed bytes a second */
export function readingLine({ backend, looks, lookBytes }: ScanStatus, whole: number, speed: number): string {
  const done = whole - lookBytes
  const parts = [
    safe(backend),
    barOf(whole === 0 ? 0 : done / whole),
    `${formatCount(looks, "file")} left`,
    `${formatBytes(done)}/${formatBytes(whole)}`,
    `${formatBytes(speed)}/s`,
  ]
  if (speed > 0) parts.push(`${formatAge((lookBytes / speed) * 1000)} left`)
  return parts.join("  ")
}
