/** What is passed over is told, with its reason, on stderr: it is no fault, but nobody is to believe that it was stored. */
import type { CommandLine, GlobalOptions } from "./command-line.ts"
import { safe } from "./format.ts"

export function tellSkip(line: CommandLine, options: GlobalOptions, path: string, reason: string): void {
  line.stderr.write(
    options.json ? `${JSON.stringify({ skipped: path, reason })}\n` : `stored: skipped ${safe(path)}: ${reason}\n`,
  )
}
