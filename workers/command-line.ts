/** The words after `node workers/main.ts`: which kinds of jobs, for which backends, how many at a time. */
import { Argument, Command, CommanderError, InvalidArgumentError } from "commander"
import type { Job } from "../queues/job.ts"
import { StoredError } from "../src/core/error.ts"
import { isBackendName } from "../src/core/key.ts"

const KINDS: readonly Job["kind"][] = ["sync", "checksum"]
const INGEST = "ingest"
const MOST_AT_ONCE = 1_024

export interface WorkerCommand {
  kinds: readonly Job["kind"][]
  /** whether it does puts by reference; null: where the environment allows it a source of them */
  ingest: boolean | null
  /** null: all */
  backends: readonly string[] | null
  /** null: as many as each backend takes */
  concurrency: number | null
  /** a Redis on another host is taken without TLS or password */
  insecureRedis: boolean
}

interface Options {
  backends?: string[]
  concurrency?: number
  insecureRedis?: boolean
}

/**
 * Null where the words only asked for help, which `write` was given.
 * @throws StoredError INVALID_INPUT
 */
export function parseWorkerCommand(words: readonly string[], write: (text: string) => void): WorkerCommand | null {
  const program = buildProgram(write)
  try {
    program.parse([...words], { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return null
    throw new StoredError("INVALID_INPUT", `${error.message.replace(/^error: /, "")}; see --help.`, { cause: error })
  }
  const named = new Set(program.processedArgs[0] as (Job["kind"] | typeof INGEST)[])
  const isAll = named.size === 0
  const ingest = isAll ? null : named.delete(INGEST)
  const kinds = isAll ? KINDS : KINDS.filter((kind) => named.has(kind))
  const { backends = null, concurrency = null, insecureRedis = false } = program.opts<Options>()
  return { kinds, ingest, backends, concurrency, insecureRedis }
}

function buildProgram(write: (text: string) => void): Command {
  return new Command("worker")
    .description("Takes jobs of a StoreD server from Redis and carries them out.")
    .addArgument(new Argument("[kinds...]", "kinds of jobs; none named: all").choices([...KINDS, INGEST]))
    .option("--backends <names>", "only for these backends, with commas between them", readBackends)
    .option("--concurrency <n>", "jobs of one queue at a time", readConcurrency)
    .option("--insecure-redis", "take a Redis on another host without TLS or password (STORED_INSECURE_REDIS=1)")
    .addHelpText(
      "after",
      "\nEnvironment:\n  REDIS_URL, STORED_URL, STORED_WORKER_TOKEN  where the work comes from\n" +
        "  STORED_INGEST_ROOTS, STORED_INGEST_URLS     what may be put by reference: directories; https://host/prefix\n" +
        "  STORED_LOG, STORED_WORKER_GRACE             level of the log; ms that jobs have to end\n" +
        "  STORED_METRICS_PORT, STORED_METRICS_HOST, STORED_METRICS_TOKEN  where Prometheus reads",
    )
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: () => {}, outputError: () => {} })
}

function readBackends(text: string): string[] {
  const names = text.split(",").map((name) => name.trim())
  const wrong = names.find((name) => !isBackendName(name))
  if (wrong === undefined) return names
  throw new InvalidArgumentError(wrong === "" ? "A name is empty." : `"${wrong}" is no name of a backend.`)
}

function readConcurrency(text: string): number {
  const count = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0
  if (count > 0 && count <= MOST_AT_ONCE) return count
  throw new InvalidArgumentError(`It is a number from 1 to ${MOST_AT_ONCE}.`)
}
