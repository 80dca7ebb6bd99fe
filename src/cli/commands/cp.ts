/**
 * `stored cp <from> <to>` and `stored mv <from> <to>`: between this machine and the store, and within the store. A key is written with a colon before it. What is there already with
 * the same content is left as it is, so that a copy that was cut off goes on where it was when it is said again.
 */
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import { type CommandLine, type GlobalOptions, withAccess } from "../command-line.ts"
import { carryOut } from "../copy/carry-out.ts"
import { downloads } from "../copy/download.ts"
import { type Place, parsePlace } from "../copy/place.ts"
import { renames } from "../copy/rename.ts"
import type { CopyOptions, CopyParts, Transfer } from "../copy/transfer.ts"
import { uploads } from "../copy/upload.ts"
import { readCount, readNames } from "../option-values.ts"

interface GivenOptions extends GlobalOptions {
  recursive?: boolean
  skipExisting?: boolean
  force?: boolean
  backends?: string
  jobs: string
}

export function cpCommand(program: Command, line: CommandLine): void {
  const command = program
    .command("cp")
    .description("copy files into the store, objects to files, or objects to other keys; keys have a colon before them")
    .argument("<from>", "a path, or :key, or :folder/ with -r; : is the whole store")
    .argument("<to>", "a path, or :key; :folder/ keeps the name")
    .option("-r, --recursive", "what is in the folder, and in those within it")
  withOptions(command, (words, options) => run(line, "copy", words, options))
}

export function mvCommand(program: Command, line: CommandLine): void {
  const command = program
    .command("mv")
    .description("give objects other keys; keys have a colon before them")
    .argument("<from>", ":key, or :folder/ with -r")
    .argument("<to>", ":key; :folder/ keeps the name")
    .option("-r, --recursive", "every object in the folder")
  withOptions(command, (words, options) => run(line, "move", words, options))
}

function withOptions(command: Command, act: (words: [string, string], options: GivenOptions) => Promise<void>): void {
  command
    .option("--skip-existing", "leave whatever is there already, even with other content")
    .option("--force", "also what is there with the same content")
    .option("-b, --backends <names>", "where copies of the new objects should be, with commas between names")
    .option("-j, --jobs <n>", "how many travel at a time", "8")
    .action((from: string, to: string, _options: unknown, command: Command) =>
      act([from, to], command.optsWithGlobals()),
    )
}

async function run(
  line: CommandLine,
  verb: "copy" | "move",
  words: readonly [string, string],
  { backends, jobs, ...given }: GivenOptions,
): Promise<void> {
  const [from, to] = [parsePlace(words[0]), parsePlace(words[1])]
  requireStore(verb, from, to)
  if (given.force && given.skipExisting)
    throw new StoredError("INVALID_INPUT", "--force and --skip-existing are opposites; leave one out.")
  const wanted: CopyOptions = {
    ...given,
    jobs: readCount(jobs),
    ...(backends !== undefined && { backends: readNames(backends) }),
  }
  await withAccess(line, wanted, async (access) => {
    await carryOut({ line, access, options: wanted }, (parts) => plan(parts, verb, from, to))
    await access.idle?.({ signal: line.signal })
  })
}

function plan(parts: CopyParts, verb: "copy" | "move", from: Place, to: Place): AsyncIterable<Transfer> {
  if (from.isStore && to.isStore) return renames(parts, verb, from.name, to.name)
  return from.isStore ? downloads(parts, from.name, to.name) : uploads(parts, from.name, to.name)
}

/** @throws StoredError INVALID_INPUT */
function requireStore(verb: "copy" | "move", from: Place, to: Place): void {
  if (!from.isStore && !to.isStore) {
    const message = `Neither place is the store's; write a colon before a key: stored ${verb === "copy" ? "cp" : "mv"} ${from.name} :${to.name}.`
    throw new StoredError("INVALID_INPUT", message)
  }
  if (verb === "copy" || (from.isStore && to.isStore)) return
  throw new StoredError(
    "INVALID_INPUT",
    "mv gives objects other keys; use cp, look, and then delete what it was copied from.",
  )
}
