/** The entry of `npm run pool`: reads its words and the Procfile, and turns signals into an end. What it does stands in `pool/run-pool.ts`. */
import { readFile } from "node:fs/promises"
import { dirname, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { PoolFault } from "./pool/pool-fault.ts"
import { parseProcfile } from "./pool/procfile.ts"
import { runPool } from "./pool/run-pool.ts"

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const MOST_WORKERS = 256
/** ms; one that comes again this soon is the same: a terminal sends it to everybody, and some pass it on besides */
const SAME_SIGNAL = 1_000
const HELP = `Starts Redis (where none answers at REDIS_URL), the server and workers on this machine.

  npm run pool -- [--workers 2] [--procfile Procfile]
`

async function main(): Promise<number> {
  const { workers, procfile, help } = words(process.argv.slice(2))
  if (help) {
    process.stdout.write(HELP)
    return 0
  }
  const { ending, killing } = onSignals()
  return runPool({
    commands: parseProcfile(await readFile(procfile, "utf8")),
    workers,
    directory: ROOT,
    environment: process.env,
    say: (name, line) => process.stdout.write(`${name.padEnd(9)}| ${line}\n`),
    ending,
    killing,
  })
}

function words(args: string[]): { workers: number; procfile: string; help: boolean } {
  try {
    const { values } = parseArgs({
      args,
      options: {
        workers: { type: "string", default: "2" },
        procfile: { type: "string", short: "f", default: resolve(ROOT, "Procfile") },
        help: { type: "boolean", short: "h", default: false },
      },
    })
    const workers = /^[1-9]\d{0,2}$/.test(values.workers) ? Number(values.workers) : 0
    if (workers < 1 || workers > MOST_WORKERS) throw new Error(`--workers is a number from 1 to ${MOST_WORKERS}.`)
    return { ...values, workers }
  } catch (error) {
    throw new PoolFault((error as Error).message, 2)
  }
}

/** The first signal ends everything in order, one that comes later kills what is left. */
function onSignals(): { ending: AbortSignal; killing: AbortSignal } {
  const ending = new AbortController()
  const killing = new AbortController()
  let first = 0
  const end = (): void => {
    if (!ending.signal.aborted) first = performance.now()
    else if (performance.now() - first > SAME_SIGNAL) killing.abort()
    ending.abort()
  }
  process.on("SIGINT", end).on("SIGTERM", end).on("SIGHUP", end)
  // Nobody reads any more, as after `| head`.
  process.stdout.on("error", end)
  return { ending: ending.signal, killing: killing.signal }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`pool: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error instanceof PoolFault ? error.exitCode : 1
}
