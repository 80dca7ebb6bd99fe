/**
 * `stored validate [backend]`: reads copies again, of one backend, of `staging`, or of all, has bad ones put aside and brought back, and stays until all of them
 * were read; ends with 10 where one is missing or bad. Ctrl-C leaves it paused where it is, or running at the server that has it. `--detach` leaves it to the server at
 * once; `--status`, `--pause`, `--cancel` are about one that is under way.
 */
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import type { ValidateOptions, ValidateStatus } from "../../store/store.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeValidate } from "../describe-validate.ts"
import { followValidate, requireValidated } from "../follow-validate.ts"

interface ValidateCommandOptions extends GlobalOptions {
  sample?: string
  seed?: string
  prefix?: string
  pattern?: string
  rate?: string
  detach?: boolean
  status?: boolean
  pause?: boolean
  cancel?: boolean
}

const EXIT_BAD = 10
const STEPS = ["status", "pause", "cancel"] as const
const STAGING = "staging"

export function validateCommand(program: Command, line: CommandLine): void {
  program
    .command("validate")
    .description("read copies again, and bring back those that are missing or bad; ends with 10 where there is one")
    .argument("[backend]", "or staging; absent: all of them")
    .option("--sample <share>", "only so many of them, chosen at random, such as 1%")
    .option("--seed <text>", "choose those of an earlier sample again")
    .option("--prefix <key>", "only copies whose key at the backend begins so")
    .option(
      "--pattern <keys>",
      "only copies whose key at the backend matches, such as '2024/**.jpg'; ** is any text, * any without a slash",
    )
    .option("--rate <bytes>", "read at most so much a second, such as 20MB")
    .option("--detach", "leave it to the server once it has begun")
    .option("--status", "only show how far it is")
    .option("--pause", "end it for a while; the next one goes on there")
    .option("--cancel", "end it; what it has found stays")
    .action((name: string | undefined, _options: unknown, command: Command) =>
      run(line, name, command.optsWithGlobals()),
    )
}

async function run(line: CommandLine, name: string | undefined, options: ValidateCommandOptions): Promise<void> {
  const steps = STEPS.filter((step) => options[step])
  const told = await readOptions(options)
  if (steps.length > 1 || (steps.length > 0 && (Object.keys(told).length > 0 || options.detach)))
    throw new StoredError("INVALID_INPUT", `--${steps[0]} stands alone; leave the other options out.`)
  await withAccess(line, options, async (access) => {
    if (steps[0]) await take(line, access, name, steps[0], options)
    else await validate(line, access, name, told, options)
  })
}

/** @throws StoredError INVALID_INPUT */
async function readOptions({ sample, seed, prefix, pattern, rate }: ValidateCommandOptions): Promise<ValidateOptions> {
  // With the schemas beside it, it takes longer to load than everything else here.
  const { parseReadRate, parseSample } = await import("../../core/validate-settings.ts")
  return {
    ...(sample !== undefined && { sample: read("--sample", sample, parseSample, "a share such as 1%") }),
    ...(rate !== undefined && { rate: read("--rate", rate, parseReadRate, "bytes a second such as 20MB") }),
    ...(seed !== undefined && { seed }),
    ...(prefix !== undefined && { prefix }),
    ...(pattern !== undefined && { pattern }),
  }
}

function read(option: string, text: string, parse: (text: string) => number | null, what: string): number {
  const value = parse(text)
  if (value !== null) return value
  throw new StoredError("INVALID_INPUT", `${option} ${text} is not ${what}.`)
}

async function take(
  line: CommandLine,
  access: Access,
  name: string | undefined,
  step: (typeof STEPS)[number],
  options: GlobalOptions,
): Promise<void> {
  for (const each of name === undefined ? await placesOf(access, step) : [name])
    show(line, options, await statusAfter(access, each, step))
}

/** All; of those that are to be ended only those that are under way. */
async function placesOf(access: Access, step: (typeof STEPS)[number]): Promise<string[]> {
  const names = [...new Set([...(await access.listBackends()), STAGING])]
  if (step === "status") return names
  const open: string[] = []
  for (const name of names) {
    const { state } = await access.validateStatus(name)
    if (state === "running" || (step === "cancel" && state === "paused")) open.push(name)
  }
  return open
}

async function statusAfter(access: Access, name: string, step: (typeof STEPS)[number]): Promise<ValidateStatus> {
  if (step === "pause") return access.pauseValidate(name)
  return step === "cancel" ? access.cancelValidate(name) : access.validateStatus(name)
}

async function validate(
  line: CommandLine,
  access: Access,
  name: string | undefined,
  told: ValidateOptions,
  options: ValidateCommandOptions,
): Promise<void> {
  const { detach, json } = options
  if (detach && access.idle)
    throw new StoredError("INVALID_INPUT", "--detach leaves the validation to a server: name it with STORED_URL.")
  const begun = await access.validate(name, told)
  let failure: unknown = null
  for (const first of begun) {
    try {
      const status = detach ? first : await followValidate(line, access, first.backend, { ...(json && { json }) })
      show(line, options, status)
      if (detach) continue
      requireValidated(status)
      if (status.corrupt + status.missing + status.unreadable > 0) line.setExitCode(EXIT_BAD)
    } catch (error) {
      if (line.signal.aborted) throw error
      // One that is away does not keep the others from being shown.
      failure ??= error
    }
  }
  if (failure) throw failure
  // Copies are brought back by jobs: where nobody else does them, they are done before the store is closed.
  await access.idle?.({ signal: line.signal })
}

function show(line: CommandLine, options: GlobalOptions, status: ValidateStatus): void {
  print(line, options, status, () => describeValidate(status, Date.now()))
}
