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
      const line = progressLine(name, done, size, now - began)
      const plain = stripVTControlCharacters(line)
      const room = (stderr.columns ?? 80) - 1
      stderr.write(CLEAR_LINE + (plain.length <= room ? line : plain.slice(0, room)))
    },
    end: () => {
      if (drawn > 0) stderr.write(CLEAR_LINE)
    },
  }
}

/** The bar as text. @param elapsed in ms */
export function progressLine(name: string, done: number, size: number | undefined, elapsed: number): string {
  const speed = `${formatBytes(Math.round((done / Math.max(elapsed, 1)) * 1000))}/s`
  const title = safe(name.length > 30 ? `…${name.slice(-29)}` : name)
  if (size === undefined) return `${title}  ${formatBytes(done)}  ${speed}`
  const share = size === 0 ? 1 : Math.min(1, done / size)
  const filled = Math.round(share * WIDTH)
  const bar = styleText("green", "█".repeat(filled)) + styleText("dim", "░".repeat(WIDTH - filled))
  return `${title}  ${bar} ${Math.floor(share * 100)} %  ${formatBytes(done)}/${formatBytes(size)}  ${speed}`
}
