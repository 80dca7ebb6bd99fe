/** `stored ls [prefix]`: objects in key order, one a line. */
import type { Command } from "commander"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { formatBytes, formatTime, safe } from "../format.ts"
import { readCount } from "../option-values.ts"

interface ListCommandOptions extends GlobalOptions {
  backend?: string
  limit?: string
}

export function lsCommand(program: Command, line: CommandLine): void {
  program
    .command("ls")
    .description("list objects")
    .argument("[prefix]", "only keys that start with this", "")
    .option("-b, --backend <name>", "only what should have a copy there")
    .option("-n, --limit <n>", "at most so many")
    .action((prefix: string, _options: unknown, command: Command) => run(line, prefix, command.optsWithGlobals()))
}

async function run(line: CommandLine, prefix: string, options: ListCommandOptions): Promise<void> {
  const limit = options.limit === undefined ? undefined : readCount(options.limit)
  await withAccess(line, options, async (access) => {
    const listing = access.list({
      prefix,
      ...(options.backend !== undefined && { backend: options.backend }),
      ...(limit !== undefined && { limit }),
      signal: line.signal,
    })
    for await (const object of listing) {
      const text = () =>
        [formatBytes(object.size).padStart(10), formatTime(object.modified), safe(object.key)].join("  ")
      print(line, options, object, text)
    }
  })
}
