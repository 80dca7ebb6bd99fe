/** The progress of many copies on stderr, only on a terminal: `12,345 done  3 were there  1 failed  1.0 GiB  310 MiB/s`. */
import type { Terminal } from "../command-line.ts"
import { formatBytes, formatCount } from "../format.ts"
import { clearLine, drawLine } from "../progress.ts"

export interface Tally {
  /** copied or moved */
  done: number
  skipped: number
  failed: number
  bytes: number
}

const REDRAW = 100

export class CopyProgress {
  readonly #stderr: Terminal["stderr"]
  readonly #isShown: boolean
  readonly #began = performance.now()
  #drawn = 0
  /** that have come so far, of what is under way too */
  #bytes = 0

  constructor({ stderr }: Pick<Terminal, "stderr">, options: { json?: boolean | undefined }) {
    this.#stderr = stderr
    this.#isShown = stderr.isTTY === true && !options.json
  }

  add(bytes: number, tally: Tally): void {
    this.#bytes += bytes
    const now = performance.now()
    if (!this.#isShown || now - this.#drawn < REDRAW) return
    this.#drawn = now
    drawLine(this.#stderr, copyLine({ ...tally, bytes: this.#bytes }, now - this.#began))
  }

  /** Takes it away, so that something can be said. */
  clear(): void {
    if (this.#isShown && this.#drawn > 0) clearLine(this.#stderr)
    this.#drawn = 0
  }
}

/** @param elapsed ms */
export function copyLine({ done, skipped, failed, bytes }: Tally, elapsed: number): string {
  const parts = [`${formatCount(done)} done`]
  if (skipped > 0) parts.push(`${formatCount(skipped)} were there`)
  if (failed > 0) parts.push(`${formatCount(failed)} failed`)
  parts.push(formatBytes(bytes), `${formatBytes(Math.round((bytes / Math.max(elapsed, 1)) * 1000))}/s`)
  return parts.join("  ")
}
