/** `stored backends ls|show|test|rm`: which there are, what is known of one, whether it answers, and one less. */
import type { Command } from "commander"
import { isStoredError, type StoredError } from "../../core/error.ts"
import type { BackendInfo } from "../../store/store.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeBriefly, describeFully } from "../describe-backend.ts"
import { safe } from "../format.ts"

interface TestOptions extends GlobalOptions {
  accept?: boolean
}

interface RemoveOptions extends GlobalOptions {
  force?: boolean
}

export function backendsCommand(program: Command, line: CommandLine): void {
  const backends = program.command("backends").description("the backends of a store")
  backends
    .command("ls")
    .description("list backends")
    .action((_options: unknown, command: Command) => list(line, command.optsWithGlobals()))
  backends
    .command("show")
    .description("show a backend's settings, without secrets, and what it can do")
    .argument("<name>")
    .action((name: string, _options: unknown, command: Command) =>
      show(line, command.optsWithGlobals(), async (access) => access.getBackend(name)),
    )
  backends
    .command("test")
    .description("ask a backend something now, with the settings that it has")
    .argument("<name>")
    .option(
      "--accept",
      "what is at its place now is the backend from now on, also where it is another directory or disk",
    )
    .action((name: string, _options: unknown, command: Command) => test(line, name, command.optsWithGlobals()))
  backends
    .command("rm")
    .description("forget a backend; its bytes stay where they are")
    .argument("<name>")
    .option("--force", "also where too few other copies are left; the journal keeps it")
    .action((name: string, _options: unknown, command: Command) => remove(line, name, command.optsWithGlobals()))
}

async function list(line: CommandLine, options: GlobalOptions): Promise<void> {
  await withAccess(line, options, async (access) => {
    for (const name of await access.listBackends()) {
      const info = await access.getBackend(name)
      print(line, options, info, () => describeBriefly(info))
    }
  })
}

async function show(
  line: CommandLine,
  options: GlobalOptions,
  get: (access: Access) => Promise<BackendInfo>,
): Promise<void> {
  await withAccess(line, options, async (access) => {
    const info = await get(access)
    print(line, options, info, () => describeFully(info))
  })
}

function test(line: CommandLine, name: string, options: TestOptions): Promise<void> {
  return show(line, options, (access) => access.testBackend(name, { ...(options.accept && { accept: true }) }))
}

async function remove(line: CommandLine, name: string, options: RemoveOptions): Promise<void> {
  await withAccess(line, options, async (access) => {
    try {
      await access.removeBackend(name, { ...(options.force && { force: true }), signal: line.signal })
    } catch (error) {
      if (isStoredError(error) && error.code === "LAST_COPY" && !options.json) tellKeys(line, error)
      throw error
    }
    print(line, options, { name, removed: true }, () => `removed ${safe(name)}`)
  })
}

/** The first of the objects that hold it, one a line. */
function tellKeys(line: CommandLine, { details }: StoredError): void {
  const keys = Array.isArray(details.keys) ? details.keys.map(String) : []
  const more = Number(details.count) - keys.length
  for (const key of keys) line.stderr.write(`${safe(key)}\n`)
  if (more > 0) line.stderr.write(`… and ${more} more\n`)
}
