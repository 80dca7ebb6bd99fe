/** Carries out transfers, several at a time. One that fails holds up no other; the exit code is that of the first that failed. */
import { StoredError, toStoredError } from "../../core/error.ts"
import { print } from "../command-line.ts"
import { exitCode } from "../exit-code.ts"
import { faultLines } from "../fault.ts"
import { formatBytes, formatCount, safe } from "../format.ts"
import { inParallel } from "../in-parallel.ts"
import { CopyProgress, type Tally } from "./copy-progress.ts"
import type { CopyParts, Transfer, Transferred } from "./transfer.ts"

/** @param plan is given what it needs, and gives what is to be done. @throws StoredError what is wrong as a whole, ABORTED */
export async function carryOut(
  { line, access, options }: Omit<CopyParts, "onBytes">,
  plan: (parts: CopyParts) => AsyncIterable<Transfer>,
): Promise<void> {
  const tally: Tally = { done: 0, skipped: 0, failed: 0, bytes: 0 }
  const progress = new CopyProgress(line, options)
  const work = async ({ from, to, run }: Transfer): Promise<void> => {
    try {
      const result = await run()
      count(tally, result)
      progress.clear()
      print(line, options, { from, to, ...result }, () => textOf(from, to, result))
    } catch (error) {
      if (line.signal.aborted) throw error
      tally.failed += 1
      progress.clear()
      line.stderr.write(faultLines(named(error, from, to), options))
      line.setExitCode(exitCode(error))
    }
  }
  try {
    await inParallel(
      plan({ line, access, options, onBytes: (bytes) => progress.add(bytes, tally) }),
      options.jobs,
      work,
    )
  } finally {
    progress.clear()
  }
  print(line, options, tally, () => summary(tally))
}

function count(tally: Tally, { outcome, size }: Transferred): void {
  if (outcome === "skipped") tally.skipped += 1
  else {
    tally.done += 1
    tally.bytes += size
  }
}

/** Of many that are under way, a sentence must say which it is about. */
function named(error: unknown, from: string, to: string): StoredError {
  const { code, message, retryable, details } = toStoredError(error)
  return new StoredError(code, `${from} to ${to}: ${message}`, {
    retryable,
    details: { ...details, from, to },
    cause: error,
  })
}

function textOf(from: string, to: string, { outcome, size }: Transferred): string {
  return `${outcome.padEnd("skipped".length)}  ${safe(from)} -> ${safe(to)}  ${formatBytes(size)}`
}

function summary({ done, skipped, failed, bytes }: Tally): string {
  return [
    `${formatCount(done)} done, ${formatBytes(bytes)}`,
    ...(skipped > 0 ? [`${formatCount(skipped)} were there already`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
  ].join("; ")
}
