/** `stored rm <idOrKey…>`, `stored rm -r <folder/…>`: objects are gone at once, their copies as soon as the backends let them. One that fails does not stop the others. */
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import type { DeleteResult } from "../../store/store.ts"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { exitCode } from "../exit-code.ts"
import { faultLines } from "../fault.ts"
import { safe } from "../format.ts"
import { readNames } from "../option-values.ts"
import { removeFolder } from "../remove-folder.ts"

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
  const deleteOptions = {
    ...(options.backends !== undefined && { backends: readNames(options.backends) }),
    ...(options.force && { force: true }),
    signal: line.signal,
  }
  await withAccess(line, options, async (access) => {
    for (const name of names) {
      try {
        const result = await access.delete(name, deleteOptions)
        print(line, options, { name, ...result }, () => describe(name, result))
      } catch (error) {
        if (line.signal.aborted) throw error
        line.stderr.write(faultLines(error, options))
        line.setExitCode(exitCode(error))
      }
    }
  })
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
