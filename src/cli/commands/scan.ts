/**
 * `stored scan <backend>`: takes in what lies there, and stays until all of it is listed and read. Ctrl-C leaves the scan paused where it is, or running at the
 * server that has it. `--detach` leaves it to the server at once; `--status`, `--pause`, `--cancel` are about one that is under way.
 */
import type { Command } from "commander"
import { StoredError } from "../../core/error.ts"
import type { ScanStatus } from "../../store/store.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeScan } from "../describe-scan.ts"
import { followScan, requireDone } from "../follow-scan.ts"

interface ScanCommandOptions extends GlobalOptions {
  hash?: boolean
  force?: boolean
  detach?: boolean
  status?: boolean
  pause?: boolean
  cancel?: boolean
}

const STEPS = ["status", "pause", "cancel"] as const

export function scanCommand(program: Command, line: CommandLine): void {
  program
    .command("scan")
    .description("take in what lies at a backend already, and compare it with the catalog")
    .argument("<backend>")
    .option("--hash", "read content that is not known, so that it gets its id; usual for local backends")
    .option("--no-hash", "only list it; it gets its id when it is first read")
    .option("--force", "take what is missing for missing also where nothing at all lies there")
    .option("--detach", "leave it to the server once it has begun")
    .option("--status", "only show how far it is")
    .option("--pause", "end it for a while; the next scan goes on there")
    .option("--cancel", "end it; what it has found stays")
    .action((name: string, _options: unknown, command: Command) => run(line, name, command.optsWithGlobals()))
}

async function run(line: CommandLine, name: string, options: ScanCommandOptions): Promise<void> {
  const steps = STEPS.filter((step) => options[step])
  if (steps.length > 1 || (steps.length > 0 && isTold(options)))
    throw new StoredError("INVALID_INPUT", `--${steps[0]} stands alone; leave the other options out.`)
  await withAccess(line, options, async (access) => {
    const status = steps[0] ? await step(access, name, steps[0]) : await scan(line, access, name, options)
    print(line, options, status, () => describeScan(status, Date.now()))
    if (!steps[0] && !options.detach) requireDone(status)
  })
}

function isTold({ hash, force, detach }: ScanCommandOptions): boolean {
  return hash !== undefined || force === true || detach === true
}

async function step(access: Access, name: string, which: (typeof STEPS)[number]): Promise<ScanStatus> {
  if (which === "pause") return access.pauseScan(name)
  return which === "cancel" ? access.cancelScan(name) : access.scanStatus(name)
}

async function scan(
  line: CommandLine,
  access: Access,
  name: string,
  { hash, force, detach, json }: ScanCommandOptions,
): Promise<ScanStatus> {
  if (detach && access.idle)
    throw new StoredError("INVALID_INPUT", "--detach leaves the scan to a server: name it with STORED_URL.")
  const begun = await access.scan(name, { ...(hash !== undefined && { hash }), ...(force && { force }) })
  return detach ? begun : followScan(line, access, name, { ...(json && { json }) })
}
