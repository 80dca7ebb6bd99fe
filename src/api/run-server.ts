/**
 * The service as a process: environment in, human words on stdout, JSON log on stderr, signals and last resorts. SIGINT and SIGTERM end it
 * in order, a second one at once; an unknown commit outcome ends it with 70, so that whoever watches it starts it again.
 */
import { resolve } from "node:path"
import { type Logger, pino } from "pino"
import packageFacts from "../../package.json" with { type: "json" }
import { loadDrivers } from "../backends/load-drivers.ts"
import { isStoredError, type StoredError } from "../core/error.ts"
import { plainLines } from "../core/log-line.ts"
import { openTracer } from "../tracing/open-tracer.ts"
import type { Tracer } from "../tracing/tracer.ts"
import { AuditTrail } from "./access/audit-trail.ts"
import { loadConfig } from "./config-file.ts"
import type { Environment } from "./environment.ts"
import { type OpenStore, type RunningServer, type StartOptions, startServer } from "./start-server.ts"

const CLOSE_DEADLINE = 10_000
/** ms that the last spans may take to be delivered */
const FLUSH_DEADLINE = 2_000
/** EX_SOFTWARE: restart me. */
const EXIT_FAULT = 70

/** Resolves once it serves; the process ends by a signal. @throws StoredError where it cannot start */
export async function runServer(environment: Environment, openStore: OpenStore): Promise<void> {
  const log = pino({ level: environment.log ?? "warn" }, plainLines(pino.destination({ fd: 2, sync: true })))
  lastResorts(log)
  await loadDrivers(environment.drivers)
  const config = await loadConfig(environment)
  const { host, port, redis, workerToken, metricsTokens, masterKeys, endpoints } = environment
  const tracer = await openTracer(environment.tracing, { name: "stored-server", version: packageFacts.version }, log)
  const onFault = (error: StoredError): void => exitOnFault(log, error)
  const keys = { workerToken, metricsTokens, masterKeys }
  const { maxConnections, maxRequestsPerToken, leastUploadRate: leastRate } = environment
  const limits = { maxConnections, maxRequestsPerToken, leastRate }
  const { origins, trustedProxies } = environment
  const doors = { host, port, origins, trustedProxies, limits, ...auditTo(environment.audit, log) }
  const server = await startServer({ config, log, openStore, onFault, redis, endpoints, tracer, ...keys, ...doors })
  endOnSignal(server, tracer, log)
  process.stdout.write(welcome(server, resolve(config.data ?? ".stored")))
}

/** A file that was moved away is left for a new one at SIGHUP, as programs that rotate logs send it. @throws StoredError INVALID_CONFIG */
function auditTo(to: string | null, log: Logger): Pick<StartOptions, "onAudit"> {
  if (to === null) return {}
  const trail = AuditTrail.open(to)
  log.info({ audit: to, ...trail.head }, "decisions about access are written")
  if (to !== "stdout")
    process.on("SIGHUP", () => {
      try {
        trail.reopen()
        log.info({ audit: to, ...trail.head }, "the audit trail goes on in the file that is there now")
      } catch (error) {
        log.error({ err: error }, "the audit trail could not be opened anew, and goes on in the file of before")
      }
    })
  return { onAudit: (event) => trail.write(event) }
}

function welcome({ url, store }: RunningServer, data: string): string {
  const backends = store.status().backends.map((backend) => {
    const marks = [backend.driver, backend.isDefault ? "default" : "", backend.state === "open" ? "" : "unavailable"]
    return `${backend.name} (${marks.filter((mark) => mark !== "").join(", ")})`
  })
  return [
    `StoreD listens on ${url}`,
    `  data      ${data}`,
    `  backends  ${backends.join(", ") || "none: name some in STORED_CONFIG"}`,
    `  try       echo hello | curl -T - ${url}/v1/objects/hello.txt`,
    "",
  ].join("\n")
}

function endOnSignal(server: RunningServer, tracer: Tracer | null, log: Logger): void {
  let ending = false
  const close = async (): Promise<void> => {
    await server.close(CLOSE_DEADLINE)
    await tracer?.close(FLUSH_DEADLINE)
  }
  const end = (signal: NodeJS.Signals): void => {
    if (ending) process.exit(128 + (signal === "SIGINT" ? 2 : 15))
    ending = true
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, "closing failed")
        process.exit(1)
      },
    )
  }
  process.on("SIGINT", end).on("SIGTERM", end)
}

/** What nobody caught leaves the process in a state that nobody knows: say so and stop. */
function lastResorts(log: Logger): void {
  const end = (error: unknown): void => {
    const unknown = isStoredError(error) && error.code === "COMMIT_UNKNOWN"
    log.fatal({ err: error }, "an error that nobody caught")
    process.exit(unknown ? EXIT_FAULT : 1)
  }
  process.on("unhandledRejection", end).on("uncaughtException", end)
}

function exitOnFault(log: Logger, error: StoredError): void {
  log.fatal({ err: error, code: error.code }, "stopping; a restart recovers")
  // The answer to whoever caused this leaves first.
  setImmediate(() => process.exit(EXIT_FAULT))
}
