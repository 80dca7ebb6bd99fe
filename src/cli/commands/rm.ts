/**
 * `stored rm <idOrKey…>`, `stored rm -r <folder/…>`: objects are gone at once, their copies as soon as the backends let them. One that fails does not stop the others.
 * Several keys are one request, which does not wait to see copies go, as that for one does.
 */
import type { Command } from "commander"
import { isStoredError, StoredError } from "../../core/error.ts"
import { keyFault } from "../../core/key.ts"
import type { DeleteOptions, DeleteResult } from "../../store/store.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { exitCode } from "../exit-code.ts"
import { faultLines } from "../fault.ts"
import { safe } from "../format.ts"
import { readNames } from "../option-values.ts"
import { removeFolder } from "../remove-folder.ts"
import { removeKeys, TOGETHER } from "../remove-keys.ts"

interface RemoveCommandOptions extends GlobalOptions {
  backends?: string
  force?: boolean
  recursive?: boolean
  yes?: boolean
}

export function rmCommand(program: Command, line: CommandLine): void {
  program
    .command("rm")
    .description("delete objects by key, or every object with that content by id")
    .argument("<idOrKey...>")
    .option("-b, --backends <names>", "only these copies; the object stays")
    .option("--force", "with --backends: without a look at the other copies; where there are none, delete the object")
    .option("-r, --recursive", "every object below these folders; asks first")
    .option("-y, --yes", "with -r: do not ask")
    .action((names: string[], _options: unknown, command: Command) => run(line, names, command.optsWithGlobals()))
}

async function run(line: CommandLine, names: string[], options: RemoveCommandOptions): Promise<void> {
  if (options.recursive) return removeFolders(line, names, options)
  const { backends, force } = options
  const deleteOptions = {
    ...(backends !== undefined && { backends: readNames(backends) }),
    ...(force && { force: true }),
    signal: line.signal,
  }
  const isPlain = backends === undefined && !force
  await withAccess(line, options, async (access) => {
    const one = (name: string) => removeOne(line, access, name, options, deleteOptions)
    for (const some of isPlain ? togetherIn(names) : names.map((name) => [name])) {
      if (some.length === 1) await one(some[0]!)
      else await removeSeveral(line, access, some, options, one)
    }
  })
}

/** Keys that follow one another go in one request; ids are not what that is for, nor is what is neither. */
function togetherIn(names: readonly string[]): string[][] {
  const runs: string[][] = []
  let keys: string[] | null = null
  for (const name of names) {
    const isKey = keyFault(name) === null
    if (isKey && keys && keys.length < TOGETHER) keys.push(name)
    else runs.push([name])
    keys = isKey ? runs.at(-1)! : null
  }
  return runs
}

async function removeSeveral(
  line: CommandLine,
  access: Access,
  keys: readonly string[],
  options: GlobalOptions,
  one: (name: string) => Promise<void>,
): Promise<void> {
  try {
    await removeKeys(line, access, keys, options)
  } catch (error) {
    if (!isStoredError(error) || error.code !== "FORBIDDEN") throw error
    // One of them is none of the token's, and so nothing was done.
    for (const key of keys) await one(key)
  }
  await access.idle?.({ signal: line.signal })
}

async function removeOne(
  line: CommandLine,
  access: Access,
  name: string,
  options: GlobalOptions,
  deleteOptions: DeleteOptions,
): Promise<void> {
  try {
    const result = await access.delete(name, deleteOptions)
    print(line, options, { name, ...result }, () => describe(name, result))
  } catch (error) {
    if (line.signal.aborted) throw error
    line.stderr.write(faultLines(error, options))
    line.setExitCode(exitCode(error))
  }
}

async function removeFolders(line: CommandLine, names: string[], options: RemoveCommandOptions): Promise<void> {
  if (options.backends !== undefined || options.force)
    throw new StoredError("INVALID_INPUT", "-r deletes whole objects; leave --backends and --force out.")
  await withAccess(line, options, async (access) => {
    for (const name of names) await removeFolder(line, access, name, options)
    await access.idle?.({ signal: line.signal })
  })
}

function describe(name: string, { pending, failed }: DeleteResult): string {
  const rest = [
    pending.length > 0 ? `copies still to go: ${pending.join(", ")}` : "",
    failed.length > 0 ? `copies that could not be removed: ${failed.join(", ")}` : "",
  ].filter((part) => part !== "")
  return [`removed ${safe(name)}`, ...rest].join("; ")
}
