/** `stored why <idOrKey>`: the whole life of one object: what it is, its copies and their jobs, what they wait for, and what the journal says of it. */
import type { Command } from "commander"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeWhy } from "../describe-why.ts"
import { readCount } from "../option-values.ts"

interface WhyCommandOptions extends GlobalOptions {
  depth?: string
  all?: boolean
}

export function whyCommand(program: Command, line: CommandLine): void {
  program
    .command("why")
    .description("tell the whole life of an object: copies, jobs, errors, what it waits for, and its journal")
    .argument("<idOrKey>")
    .option("--depth <n>", "journal records that are looked at, from its end; absent: 20,000")
    .option("--all", "look at the whole journal")
    .action((name: string, _options: unknown, command: Command) => run(line, name, command.optsWithGlobals()))
}

async function run(line: CommandLine, name: string, options: WhyCommandOptions): Promise<void> {
  const depth = options.depth === undefined ? undefined : readCount(options.depth)
  await withAccess(line, options, async (access) => {
    const how = { ...(depth !== undefined && { depth }), ...(options.all && { all: true }), signal: line.signal }
    const told = await access.why(name, how)
    print(line, options, told, () => describeWhy(told, Date.now()))
  })
}
