/** `stored status`: what there is, who works, what waits, what was given up; with `--watch` again and again, until `q` or Ctrl-C. */
import { setTimeout as sleep } from "node:timers/promises"
import { type Command, InvalidArgumentError } from "commander"
import { type StoredError, toStoredError } from "../../core/error.ts"
import type { StoreStatus } from "../../store/store.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeStatus } from "../describe-status.ts"
import { faultLines } from "../fault.ts"
import { watchKeys } from "../watch-keys.ts"

interface StatusOptions extends GlobalOptions {
  watch?: boolean
  every: number
}

/** Home, and each line cleared as it is written: no flicker. Then whatever stood below goes. */
const HOME = "\u001b[H"
const CLEAR_REST_OF_LINE = "\u001b[K"
const CLEAR_BELOW = "\u001b[J"
const ENTER_SCREEN = "\u001b[?1049h\u001b[?25l"
const LEAVE_SCREEN = "\u001b[?25h\u001b[?1049l"

export function statusCommand(program: Command, line: CommandLine): void {
  program
    .command("status")
    .description("show objects, staging, backends, jobs and workers")
    .option("-w, --watch", "go on showing, until q or Ctrl-C; JSON lines with --json")
    .option("--every <seconds>", "how often with --watch", readSeconds, 1)
    .action((_options: unknown, command: Command) => run(line, command.optsWithGlobals()))
}

function readSeconds(text: string): number {
  const seconds = /^\d{1,5}(\.\d{1,3})?$/.test(text) ? Number(text) : 0
  if (seconds >= 0.05) return seconds
  throw new InvalidArgumentError("It is a number of seconds from 0.05 to 99999.")
}

async function run(line: CommandLine, options: StatusOptions): Promise<void> {
  await withAccess(line, options, async (access) => {
    if (options.watch) return watch(line, options, access)
    const status = await access.status()
    print(line, options, status, () => describeStatus(status, Date.now()))
  })
}

/** A server that is away for a while is told of and asked again. @throws StoredError what does not pass by itself */
async function watch(line: CommandLine, options: StatusOptions, access: Access): Promise<void> {
  const isScreen = line.stdout.isTTY === true && !options.json
  const ended = new AbortController()
  const end = (): void => ended.abort()
  const giveBack = watchKeys(line.stdin, end)
  line.signal.addEventListener("abort", end, { once: true })
  if (line.signal.aborted) end()
  if (isScreen) line.stdout.write(ENTER_SCREEN)
  try {
    while (!ended.signal.aborted) {
      const seen = await look(access)
      if ("code" in seen && !seen.retryable) throw seen
      if (!ended.signal.aborted) show(line, options, seen, isScreen)
      await sleep(options.every * 1000, undefined, { signal: ended.signal }).catch(throwUnlessAborted)
    }
  } finally {
    if (isScreen) line.stdout.write(LEAVE_SCREEN)
    line.signal.removeEventListener("abort", end)
    giveBack()
  }
}

async function look(access: Access): Promise<StoreStatus | StoredError> {
  try {
    return await access.status()
  } catch (error) {
    return toStoredError(error)
  }
}

function show(line: CommandLine, options: StatusOptions, seen: StoreStatus | StoredError, isScreen: boolean): void {
  const isFault = "code" in seen
  if (isFault && !isScreen) line.stderr.write(faultLines(seen, options))
  else if (options.json) line.stdout.write(`${JSON.stringify(seen)}\n`)
  else {
    const text = isFault ? faultLines(seen).trimEnd() : describeStatus(seen, Date.now())
    if (!isScreen) line.stdout.write(`${text}\n\n`)
    else {
      const lines = [...text.split("\n"), "", "q ends"].map((each) => `${each}${CLEAR_REST_OF_LINE}\n`)
      line.stdout.write(HOME + lines.join("") + CLEAR_BELOW)
    }
  }
}

function throwUnlessAborted(error: unknown): void {
  if (!(error instanceof Error) || error.name !== "AbortError") throw error
}
