/** Deletes every object below a prefix, after a question where a person sits there. */
import { StoredError } from "../core/error.ts"
import { createQuestioner } from "./ask.ts"
import { type Access, type CommandLine, type GlobalOptions, print } from "./command-line.ts"
import { asFolder } from "./copy/place.ts"
import { exitCode } from "./exit-code.ts"
import { faultLines } from "./fault.ts"
import { formatBytes, formatCount, safe } from "./format.ts"

/** Keys in one call. */
const TOGETHER = 500

export interface RemoveFolderOptions extends GlobalOptions {
  yes?: boolean
}

/** @throws StoredError INVALID_INPUT, ABORTED */
export async function removeFolder(
  line: CommandLine,
  access: Access,
  name: string,
  options: RemoveFolderOptions,
): Promise<void> {
  // An empty shell variable is to delete nothing.
  if (name === "" || name === "/") throw new StoredError("INVALID_INPUT", "Name the folder whose objects are to go.")
  const prefix = asFolder(name)
  if (!options.yes) await agree(line, access, prefix)
  let keys: string[] = []
  let count = 0
  const removeThem = async (): Promise<void> => {
    count += await removeEach(line, access, keys, options)
    keys = []
  }
  for await (const { key } of access.list({ prefix, signal: line.signal })) {
    keys.push(key)
    if (keys.length === TOGETHER) await removeThem()
  }
  if (keys.length > 0) await removeThem()
  if (!options.json) line.stdout.write(`removed ${formatCount(count, "object")} below ${safe(prefix)}\n`)
}

async function agree(line: CommandLine, access: Access, prefix: string): Promise<void> {
  const questioner = createQuestioner(line)
  if (!questioner)
    throw new StoredError("INVALID_INPUT", "Nobody can be asked here; say --yes to delete a whole folder.")
  try {
    const { count, bytes } = await sizeOf(line, access, prefix)
    const what = `${formatCount(count, "object")} below ${safe(prefix)} (${formatBytes(bytes)})`
    const answer = await questioner.ask(`Delete ${what}, with all copies? [y/N] `)
    if (!/^y(es)?$/i.test(answer.trim())) throw new StoredError("ABORTED", "Nothing was deleted.")
  } finally {
    questioner.close()
  }
}

async function sizeOf(line: CommandLine, access: Access, prefix: string): Promise<{ count: number; bytes: number }> {
  let count = 0
  let bytes = 0
  for await (const { size } of access.list({ prefix, signal: line.signal })) {
    count += 1
    bytes += size
  }
  return { count, bytes }
}

/** How many went. */
async function removeEach(
  line: CommandLine,
  access: Access,
  keys: readonly string[],
  options: GlobalOptions,
): Promise<number> {
  const entries = await access.deleteMany(keys, { signal: line.signal })
  let count = 0
  for (const entry of entries) {
    if (!("error" in entry)) {
      count += 1
      print(line, options, { name: entry.key, id: entry.id }, () => `removed ${safe(entry.key)}`)
      continue
    }
    // Somebody else was faster.
    if (entry.error.code === "NOT_FOUND") continue
    const { code, message, retryable, details } = entry.error
    const fault = new StoredError(code, `${entry.key}: ${message}`, { retryable, ...(details && { details }) })
    line.stderr.write(faultLines(fault, options))
    line.setExitCode(exitCode(fault))
  }
  return count
}
