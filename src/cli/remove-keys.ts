/** Deletes objects by their keys in one request; what became of each is said of each, in their order. */
import { StoredError } from "../core/error.ts"
import { type Access, type CommandLine, type GlobalOptions, print } from "./command-line.ts"
import { exitCode } from "./exit-code.ts"
import { faultLines } from "./fault.ts"
import { safe } from "./format.ts"

/** Keys in one call. */
export const TOGETHER = 500

export interface RemoveKeysOptions extends GlobalOptions {
  /** an object that is not there is what was wanted; absent: it is an error like others */
  mayBeGone?: boolean
}

/**
 * How many went. One that fails does not stop the others, and is what the process ends with.
 * @param keys at most `TOGETHER`. @throws StoredError of the request as a whole: FORBIDDEN where one of them is none of the token's
 */
export async function removeKeys(
  line: CommandLine,
  access: Access,
  keys: readonly string[],
  { mayBeGone = false, ...options }: RemoveKeysOptions,
): Promise<number> {
  const entries = await access.deleteMany(keys, { signal: line.signal })
  let count = 0
  for (const entry of entries) {
    if (!("error" in entry)) {
      count += 1
      print(line, options, { name: entry.key, id: entry.id }, () => `removed ${safe(entry.key)}`)
      continue
    }
    const { code, message, retryable, details } = entry.error
    if (mayBeGone && code === "NOT_FOUND") continue
    const fault = new StoredError(code, `${entry.key}: ${message}`, { retryable, ...(details && { details }) })
    line.stderr.write(faultLines(fault, options))
    line.setExitCode(exitCode(fault))
  }
  return count
}
