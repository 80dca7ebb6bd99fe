/** Deletes every object below a prefix, after a question where a person sits there. */
import { StoredError } from "../core/error.ts"
import { createQuestioner } from "./ask.ts"
import type { Access, CommandLine, GlobalOptions } from "./command-line.ts"
import { asFolder } from "./copy/place.ts"
import { formatBytes, formatCount, safe } from "./format.ts"
import { removeKeys, TOGETHER } from "./remove-keys.ts"

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
    // Somebody else may be faster.
    count += await removeKeys(line, access, keys, { ...options, mayBeGone: true })
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
