/** `stored failed`: jobs that were given up after their last try, each with its error. `stored sync-retry` puts them back to work. */
import type { Command } from "commander"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeJob } from "../describe-job.ts"
import { readCount } from "../option-values.ts"

interface FailedCommandOptions extends GlobalOptions {
  backend?: string
  limit?: string
}

export function failedCommand(program: Command, line: CommandLine): void {
  program
    .command("failed")
    .description("list the jobs that were given up, each with its error")
    .option("-b, --backend <name>", "only those of this backend")
    .option("-n, --limit <n>", "at most so many")
    .action((_options: unknown, command: Command) => run(line, command.optsWithGlobals()))
}

async function run(line: CommandLine, options: FailedCommandOptions): Promise<void> {
  const limit = options.limit === undefined ? undefined : readCount(options.limit)
  await withAccess(line, options, async (access) => {
    const asked = {
      ...(options.backend !== undefined && { backend: options.backend }),
      ...(limit !== undefined && { limit }),
    }
    for await (const job of access.failed(asked)) print(line, options, job, () => describeJob(job, Date.now()))
  })
}
