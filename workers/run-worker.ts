/**
 * A worker as a process: human words on stdout, JSON log on stderr, signals and last resorts. SIGINT and SIGTERM end it in order, a second one at once,
 * and a timer behind them where something does not let go.
 */
import { type Logger, pino } from "pino"
import packageFacts from "../package.json" with { type: "json" }
import type { IngestIntakes } from "../queues/ingest.ts"
import type { IntakeOpener } from "../queues/transport.ts"
import { loadDrivers } from "../src/backends/load-drivers.ts"
import { createHashers } from "../src/checksums/hashers.ts"
import { ChecksumPool } from "../src/checksums/pool.ts"
import { Endpoints } from "../src/core/endpoints.ts"
import { plainLines } from "../src/core/log-line.ts"
import { JobMetrics, METRICS_TYPE } from "../src/metrics/job-metrics.ts"
import { openTracer } from "../src/tracing/open-tracer.ts"
import type { WorkerCommand } from "./command-line.ts"
import type { WorkerEnvironment } from "./environment.ts"
import { hashThread } from "./hash-thread-url.ts"
import { allowsSources } from "./ingest-environment.ts"
import { IngestWorker, type IngestWorkerOptions } from "./ingest-worker.ts"
import { type MetricsAddress, type MetricsServer, startMetricsServer } from "./metrics-server.ts"
import { ServerClient } from "./server-client.ts"
import { Worker } from "./worker.ts"

export interface IntakeOptions {
  url: string
  prefix: string
  /** ms */
  lock: number
  log: Logger
}

/** Opens the workers' end of the queues; handed in, because only the entry knows what carries them. */
export type OpenIntakes = (options: IntakeOptions) => IntakeOpener

/** What only the entry knows: what carries puts by reference, and the client of the server's HTTP API. */
export interface IngestDoors {
  openIntakes(options: IntakeOptions): IngestIntakes
  connect(url: string, options: { token?: string; traceparent?: () => string | null }): IngestWorkerOptions["store"]
}

/** ms beyond the grace after which a process that is still there ends itself */
const HARD_END = 30_000

/** ms that the last spans may take to be delivered */
const FLUSH_DEADLINE = 2_000

/** Resolves once it works; the process ends by a signal. @throws StoredError where it cannot start */
export async function runWorker(
  {
    redis,
    server: url,
    token,
    log: level,
    grace,
    lock,
    metrics: address,
    ingest,
    endpoints,
    drivers,
    tracing,
  }: WorkerEnvironment,
  command: WorkerCommand,
  openIntakes: OpenIntakes,
  doors: IngestDoors,
): Promise<void> {
  const log = pino({ level }, plainLines(pino.destination({ fd: 2, sync: true })))
  lastResorts(log)
  await loadDrivers(drivers)
  const tracer = await openTracer(tracing, { name: "stored-worker", version: packageFacts.version }, log)
  const metrics = new JobMetrics()
  const door = address && (await openMetrics(address, metrics, log))
  const hashers = await createHashers()
  const { concurrency } = command
  const isIngesting = command.ingest ?? allowsSources(ingest.limits)
  const ingesting = isIngesting
    ? new IngestWorker({
        store: doors.connect(url.href, {
          ...(ingest.token !== null && { token: ingest.token }),
          ...(tracer && { traceparent: () => tracer.current() }),
        }),
        openIntakes: (prefix) => doors.openIntakes({ url: redis, prefix, lock, log }),
        ...{ limits: ingest.limits, hashers, log, meter: metrics, tracer, grace, concurrency },
      })
    : null
  const worker = new Worker({
    ...command,
    server: new ServerClient({ url, token, tracer }),
    openIntakes: (prefix) => {
      // Here the server's word on the prefix comes in, now and whenever it changes.
      ingesting?.follow(prefix)
      return openIntakes({ url: redis, prefix, lock, log })
    },
    pool: new ChecksumPool({ thread: hashThread }),
    hashers,
    endpoints: new Endpoints(endpoints),
    log,
    meter: metrics,
    tracer,
    grace,
  })
  const stop = async (): Promise<void> => {
    await Promise.all([worker.stop(), ingesting?.stop()])
    await door?.close()
    await tracer?.close(FLUSH_DEADLINE)
  }
  const ending = endOnSignal(stop, grace, log)
  try {
    await worker.start()
  } catch (error) {
    // Stopped before it began: the end is under way already.
    if (ending.aborted) return
    await stop()
    throw error
  }
  if (ending.aborted) return
  const queues = [...worker.queues, ...(ingesting?.queues ?? [])]
  process.stdout.write(`StoreD worker for ${url.origin}\n  queues  ${queues.join(", ") || "none now"}\n`)
}

/** Before the first job, so that whoever watches sees a worker that waits for its server. @throws StoredError INVALID_INPUT */
async function openMetrics(address: MetricsAddress, metrics: JobMetrics, log: Logger): Promise<MetricsServer> {
  metrics.watchProcess()
  const door = await startMetricsServer({ ...address, text: () => metrics.text(), type: METRICS_TYPE, log })
  process.stdout.write(`StoreD worker tells metrics at ${door.url}\n`)
  return door
}

function endOnSignal(stop: () => Promise<void>, grace: number, log: Logger): AbortSignal {
  const ending = new AbortController()
  const end = (signal: NodeJS.Signals): void => {
    if (ending.signal.aborted) process.exit(128 + (signal === "SIGINT" ? 2 : 15))
    ending.abort()
    setTimeout(() => {
      log.fatal("the worker did not end in time")
      process.exit(1)
    }, grace + HARD_END).unref()
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, "closing failed")
        process.exit(1)
      },
    )
  }
  process.on("SIGINT", end).on("SIGTERM", end)
  return ending.signal
}

/** What nobody caught leaves the process in a state that nobody knows: say so and stop. What it had claimed is given to others. */
function lastResorts(log: Logger): void {
  const end = (error: unknown): void => {
    log.fatal({ err: error }, "an error that nobody caught")
    process.exit(1)
  }
  process.on("unhandledRejection", end).on("uncaughtException", end)
}
