/**
 * A progress bar on stderr, only on a terminal and only where it is worth it: `photo.raw  ██████░░░░ 52 %  1.0 GiB/2.0 GiB  310 MiB/s`.
 * Never in scripts, where stderr is kept for errors.
 */
import { stripVTControlCharacters, styleText } from "node:util"
import type { Terminal } from "./command-line.ts"
import { formatBytes, safe } from "./format.ts"

const WORTH_SHOWING = 8 * 2 ** 20
const WIDTH = 24
const REDRAW = 100
const CLEAR_LINE = "\r\u001b[K"

export interface Progress {
  /** @param done bytes so far */
  update(done: number): void
  /** Takes the bar away. */
  end(): void
}

/** @param size bytes in all, undefined where not known. Null: there is nothing to show here. */
export function startProgress(
  { stderr }: Pick<Terminal, "stderr">,
  options: { name: string; size: number | undefined; json?: boolean | undefined },
): Progress | null {
  const { name, size } = options
  if (!stderr.isTTY || options.json || (size !== undefined && size < WORTH_SHOWING)) return null
  const began = performance.now()
  let drawn = 0
  return {
    update: (done) => {
      const now = performance.now()
      if (now - drawn < REDRAW) return
      drawn = now
      drawLine(stderr, progressLine(name, done, size, now - began))
    },
    end: () => {
      if (drawn > 0) clearLine(stderr)
    },
  }
}

/** In place of what stands there; without colours where it would not fit. */
export function drawLine(stderr: Terminal["stderr"], line: string): void {
  const plain = stripVTControlCharacters(line)
  const room = (stderr.columns ?? 80) - 1
  stderr.write(CLEAR_LINE + (plain.length <= room ? line : plain.slice(0, room)))
}

export function clearLine(stderr: Terminal["stderr"]): void {
  stderr.write(CLEAR_LINE)
}

/** @param share from 0 to 1 */
export function barOf(share: number): string {
  const filled = Math.round(share * WIDTH)
  const bar = styleText("green", "█".repeat(filled)) + styleText("dim", "░".repeat(WIDTH - filled))
  return `${bar} ${Math.floor(share * 100)} %`
}

/** The bar as text. @param elapsed in ms */
export function progressLine(name: string, done: number, size: number | undefined, elapsed: number): string {
  const speed = `${formatBytes(Math.round((done / Math.max(elapsed, 1)) * 1000))}/s`
  const title = safe(name.length > 30 ? `…${name.slice(-29)}` : name)
  if (size === undefined) return `${title}  ${formatBytes(done)}  ${speed}`
  const share = size === 0 ? 1 : Math.min(1, done / size)
  return `${title}  ${barOf(share)}  ${formatBytes(done)}/${formatBytes(size)}  ${speed}`
}
