/** `stored sync-retry`: jobs that were given up go back to work, and are named. Without a server they are worked on before the command ends. */
import type { Command } from "commander"
import type { JournalRecord } from "../../catalog/record.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { formatCount, safe } from "../format.ts"

interface RetryCommandOptions extends GlobalOptions {
  failed?: boolean
  backend?: string
  key?: string
}

export function syncRetryCommand(program: Command, line: CommandLine): void {
  program
    .command("sync-retry")
    .description("put jobs that were given up back to work")
    .option("--failed", "all of them, as without any option")
    .option("-b, --backend <name>", "only those of this backend")
    .option("-k, --key <key>", "only those of this object")
    .action((_options: unknown, command: Command) => run(line, command.optsWithGlobals()))
}

async function run(line: CommandLine, options: RetryCommandOptions): Promise<void> {
  const { backend, key } = options
  const filter = { ...(backend !== undefined && { backend }), ...(key !== undefined && { key }) }
  await withAccess(line, options, async (access) => {
    const { lastSequence } = await access.status()
    const count = await access.retry(filter)
    for await (const record of retried(access, lastSequence, count)) {
      print(line, options, pick(record), () => describe(record))
    }
    const text = `${formatCount(count, "job")} put back to work`
    if (!options.json) line.stdout.write(`${text}\n`)
    await access.idle?.({ signal: line.signal })
  })
}

/** The journal says which: a count alone is no answer to somebody who waits for one of them. */
async function* retried(access: Access, after: number, count: number): AsyncGenerator<JournalRecord> {
  let left = count
  if (left === 0) return
  for await (const record of access.journal({ after })) {
    if (record.command !== "retry") continue
    yield record
    left -= 1
    if (left === 0) return
  }
}

function pick({
  sequence,
  key,
  id,
  backend,
}: JournalRecord): Pick<JournalRecord, "sequence" | "key" | "id" | "backend"> {
  return { sequence, key, id, backend }
}

function describe({ key, id, backend }: JournalRecord): string {
  return backend === null ? `checksums  ${id}` : safe(`${backend}  ${key ?? id}`)
}
