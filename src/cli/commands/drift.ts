/**
 * `stored drift <backend>`: what lies there against the catalog, one line for each difference; ends with 8 where there is one. `--heal` takes it into the catalog with a
 * scan, has missing and bad copies brought back, waits for them, and ends with 8 where one could not be.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Command } from "commander"
import { abortError, StoredError } from "../../core/error.ts"
import type { BackendInfo, DriftEntry } from "../../store/store.ts"
import { type Access, type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { describeDrift } from "../describe-scan.ts"
import { followScan, requireDone } from "../follow-scan.ts"
import { formatCount, safe } from "../format.ts"
import { readCount } from "../option-values.ts"

interface DriftCommandOptions extends GlobalOptions {
  heal?: boolean
  limit?: string
}

const EXIT_DRIFT = 8
/** ms between two looks at what is still to be brought back */
const LOOK = 200

export function driftCommand(program: Command, line: CommandLine): void {
  program
    .command("drift")
    .description("show what lies at a backend and is not as the catalog says; ends with 8 where there is anything")
    .argument("<backend>")
    .option("-n, --limit <n>", "at most so many")
    .option("--heal", "scan it, then have copies that are missing or bad brought back from others; not with -n")
    .action((name: string, _options: unknown, command: Command) => run(line, name, command.optsWithGlobals()))
}

async function run(line: CommandLine, name: string, options: DriftCommandOptions): Promise<void> {
  const limit = options.limit === undefined ? undefined : readCount(options.limit)
  if (options.heal && limit !== undefined)
    throw new StoredError("INVALID_INPUT", "--heal is for the whole backend; leave --limit out.")
  await withAccess(line, options, async (access) => {
    const count = await list(line, options, access.drift(name, { ...(limit && { limit }), signal: line.signal }))
    if (!options.heal) {
      if (count > 0) line.setExitCode(EXIT_DRIFT)
      return
    }
    await heal(line, access, name, options)
  })
}

/** How many. */
async function list(line: CommandLine, options: GlobalOptions, entries: AsyncIterable<DriftEntry>): Promise<number> {
  let count = 0
  for await (const entry of entries) {
    count += 1
    print(line, options, entry, () => describeDrift(entry))
  }
  return count
}

async function heal(line: CommandLine, access: Access, name: string, options: GlobalOptions): Promise<void> {
  // Only what the catalog knows to be gone can be brought back, and drift itself changes nothing.
  await access.scan(name)
  requireDone(await followScan(line, access, name, options))
  await access.heal(name)
  const { pending } = await brought(line, access, name)
  const failed = await tellLost(line, access, name, options)
  print(line, options, { backend: name, failed, pending }, () => describe(name, failed, pending))
  if (failed + pending > 0) line.setExitCode(EXIT_DRIFT)
}

function describe(name: string, failed: number, pending: number): string {
  if (failed + pending === 0) return `${safe(name)}: what another copy has is there again`
  return [
    `${safe(name)}: ${formatCount(failed)} could not be brought back`,
    ...(pending > 0 ? [`${formatCount(pending)} wait: see stored status`] : []),
  ].join("; ")
}

/** Waits until no job of the backend is due, or until it gets none done. */
async function brought(line: CommandLine, access: Access, name: string): Promise<BackendInfo> {
  for (;;) {
    const info = await access.getBackend(name)
    const { pending, paused, state, breaker } = info
    if (pending === 0 || paused || state === "unavailable" || breaker === "open") return info
    await sleep(LOOK, undefined, { signal: line.signal }).catch(() => {})
    if (line.signal.aborted) throw abortError(line.signal)
  }
}

/** One line for each copy that could not be brought back, with the reason. How many. */
async function tellLost(line: CommandLine, access: Access, name: string, options: GlobalOptions): Promise<number> {
  let count = 0
  for await (const { payload, error } of access.failed({ backend: name })) {
    if (payload.kind !== "sync") continue
    count += 1
    const record = { kind: "lost", key: payload.key, error }
    print(line, options, record, () => `lost     ${safe(payload.key)}  ${safe(error?.message ?? "")}`)
  }
  return count
}
