/**
 * `stored backends add NAME`: settings from `--from`, from `--set`, and on a terminal from whoever sits there, for any driver. They are tried before they are
 * kept: a mistake changes nothing. What lies there already is taken in at once where it is to be watched or scanned.
 */
import { readFile } from "node:fs/promises"
import { resolve } from "node:path"
import { text } from "node:stream/consumers"
import { type Command, Option } from "commander"
import { StoredError } from "../../core/error.ts"
import type { JsonObject } from "../../core/json.ts"
import type { BackendMode } from "../../core/scan-settings.ts"
import type { BackendInfo } from "../../store/store.ts"
import { createQuestioner, type Questioner } from "../ask.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeFully } from "../describe-backend.ts"
import { describeScan } from "../describe-scan.ts"
import { followScan, requireDone } from "../follow-scan.ts"

interface AddOptions extends GlobalOptions {
  driver?: string
  set: string[]
  from?: string
  replace?: boolean
  root?: string
  watch?: boolean
  mode?: BackendMode
}

const MODES: readonly BackendMode[] = ["observe", "enforce"]

export function backendsAddCommand(program: Command, line: CommandLine): void {
  const backends = program.commands.find((command) => command.name() === "backends") ?? program.command("backends")
  backends
    .command("add")
    .description("add a backend, once it was opened and has answered; on a terminal, asks for what is not given")
    .argument("<name>")
    .option("--driver <name>", "the driver")
    .option(
      "--set <name=value>",
      "a setting, any number of them; name secrets by env:NAME or file:PATH here",
      gather,
      [],
    )
    .option("--root <folder>", "its folder, as --set root= with the whole path")
    .option("--watch", "follow what changes there, as --set watch=true")
    .addOption(new Option("--mode <mode>", "whether copies that differ are followed or put right").choices(MODES))
    .option("--from <file>", "settings from a JSON file, - for standard input")
    .option("--replace", "change the one that has this name; *** leaves a secret as it is")
    .action((name: string, _options: unknown, command: Command) => run(line, name, command.optsWithGlobals()))
}

function gather(word: string, words: string[]): string[] {
  return [...words, word]
}

async function run(line: CommandLine, name: string, options: AddOptions): Promise<void> {
  const settings = await gatherSettings(line, options)
  await withAccess(line, options, async (access) => {
    const info = await (options.replace ? access.setBackend(name, settings) : access.addBackend(name, settings))
    print(line, options, info, () => describeFully(info))
    await takeIn(line, access, info, options)
  })
}

/** Without a server nobody else would scan it: what lies there is taken in before the process ends. */
async function takeIn(line: CommandLine, access: Access, info: BackendInfo, options: GlobalOptions): Promise<void> {
  const { name, config, capabilities } = info
  const { scanRules } = await import("../../core/scan-settings.ts")
  const rules = scanRules(name, config as Parameters<typeof scanRules>[1], capabilities)
  if (!access.idle || !rules.adopts || rules.every === null) return
  await access.scan(name)
  const status = await followScan(line, access, name, options)
  if (!options.json) line.stdout.write(`${describeScan(status, Date.now())}\n`)
  requireDone(status)
}

async function gatherSettings(line: CommandLine, options: AddOptions): Promise<JsonObject> {
  const settings = options.from === undefined ? {} : await readSettings(line, options.from)
  // What comes from a file or program is whole, and standard input cannot be asked too.
  const questioner = options.from === undefined ? createQuestioner(line) : null
  try {
    await complete(settings, options, questioner)
  } finally {
    questioner?.close()
  }
  return settings
}

async function complete(settings: JsonObject, options: AddOptions, questioner: Questioner | null): Promise<void> {
  // It knows every driver: no other command is to load them.
  const { askForRest, chooseDriver, setEach } = await import("../settings-form.ts")
  const driver = await chooseDriver(options.driver ?? settings.driver, questioner)
  settings.driver = driver
  setEach(settings, driver, options.set)
  const { root, watch, mode } = options
  Object.assign(settings, root !== undefined && { root: resolve(root) }, watch && { watch }, mode && { mode })
  const isTold = [...options.set, root, watch, mode].some((each) => each !== undefined)
  if (questioner) await askForRest(settings, driver, questioner, isTold)
}

/** @throws StoredError INVALID_INPUT, without what the file holds */
async function readSettings({ stdin }: CommandLine, path: string): Promise<JsonObject> {
  const given = path === "-" ? await text(stdin) : await readText(path)
  const settings = parse(given)
  if (typeof settings === "object" && settings !== null && !Array.isArray(settings)) return settings as JsonObject
  throw new StoredError("INVALID_INPUT", `${place(path)} holds no JSON object such as {"driver": "fs", "root": "…"}.`)
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8")
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "it is no path"
    throw new StoredError("INVALID_INPUT", `${path} cannot be read (${reason}); name a file of settings.`, { cause })
  }
}

/** Undefined where it is no JSON: the parser's words would hold a piece of it. */
function parse(given: string): unknown {
  try {
    return JSON.parse(given)
  } catch {
    return undefined
  }
}

function place(path: string): string {
  return path === "-" ? "Standard input" : path
}
