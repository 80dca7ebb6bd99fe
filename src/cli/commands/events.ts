/** `stored events`: what happens, as it happens, until Ctrl-C or until nobody reads any more; past events first with `--after`. */
import { once } from "node:events"
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import { STORE_EVENTS, type StoreEvent } from "../../core/event.ts"
import { type CommandLine, type GlobalOptions, withAccess } from "../command-line.ts"
import { describeEvent } from "../describe-event.ts"
import { readCount, readNames, readWait } from "../option-values.ts"

interface EventsCommandOptions extends GlobalOptions {
  after?: string
  type?: string
  key?: string
  limit?: string
}

export function eventsCommand(program: Command, line: CommandLine): void {
  program
    .command("events")
    .description("show what happens as it happens, until Ctrl-C")
    .option("--after <sequence>", "first what has happened since that event; 0 for all of it")
    .option("--type <types>", "only these, with commas between them, such as put,delete,sync:error")
    .option("--key <prefix>", "only those about keys that start with this")
    .option("-n, --limit <n>", "end after so many")
    .action((_options: unknown, command: Command) => run(line, command.optsWithGlobals()))
}

async function run(line: CommandLine, options: EventsCommandOptions): Promise<void> {
  const after = options.after === undefined ? undefined : readWait(options.after)
  const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : readCount(options.limit)
  const isWanted = filterOf(options)
  const { signal } = line
  await withAccess(line, options, async (access) => {
    let left = limit
    for await (const event of access.events({ ...(after !== undefined && { after }), signal })) {
      if (!isWanted(event)) continue
      const text = options.json ? JSON.stringify(event) : describeEvent(event)
      // A reader that is slower than the past is long would have all of it kept here.
      if (!line.stdout.write(`${text}\n`)) await drained(line)
      left -= 1
      if (left === 0 || signal.aborted) return
    }
  })
}

/** @throws StoredError INVALID_INPUT */
function filterOf({ type, key = "" }: EventsCommandOptions): (event: StoreEvent) => boolean {
  const types = type === undefined ? null : new Set(readNames(type))
  const unknown = [...(types ?? [])].find((name) => !(STORE_EVENTS as readonly string[]).includes(name))
  if (unknown !== undefined || types?.size === 0) {
    throw new StoredError(
      "INVALID_INPUT",
      `There is no event "${unknown ?? ""}"; there are ${STORE_EVENTS.join(", ")}.`,
    )
  }
  return ({ type, data }) =>
    (types?.has(type) ?? true) && (key === "" || ("key" in data && (data.key ?? "").startsWith(key)))
}

async function drained({ stdout, signal }: CommandLine): Promise<void> {
  try {
    await once(stdout, "drain", { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
