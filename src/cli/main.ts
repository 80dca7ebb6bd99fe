#!/usr/bin/env node
/**
 * The entry of the command `stored`: wires the commands to the composition, to the service and, where `STORED_URL` is set, to a
 * running server. Commands themselves stand in `commands/`, exit codes in `exit-code.ts`. What only some commands need is loaded where it is needed: a store takes ten times
 * as long to load as the help to be shown.
 */
import "../thread-pool.ts"
import packageFacts from "../../package.json" with { type: "json" }
import type { Environment } from "../api/environment.ts"
import type { StoreConfigInput } from "../core/config.ts"
import { StoredError } from "../core/error.ts"
import { plainLines } from "../core/log-line.ts"
import type { Access, CommandLine, GlobalOptions, ServeOptions } from "./command-line.ts"
import { exitCode } from "./exit-code.ts"
import { faultLines } from "./fault.ts"
import { buildProgram, runProgram } from "./program.ts"

const words = process.argv.slice(2)
const interrupted = new AbortController()

async function environment({ data, config, insecureRedis }: ServeOptions): Promise<Environment> {
  const { parseEnvironment } = await import("../api/environment.ts")
  return parseEnvironment({
    ...process.env,
    ...(data && { STORED_DATA: data }),
    ...(config && { STORED_CONFIG: config }),
    ...(insecureRedis && { STORED_INSECURE_REDIS: "1" }),
  })
}

async function local(options: GlobalOptions) {
  const [settings, { loadConfig }, { pino }] = await Promise.all([
    environment(options),
    import("../api/config-file.ts"),
    import("pino"),
  ])
  const config: StoreConfigInput = await loadConfig(settings)
  // Errors are told as one line each; the log is for who asks for it.
  const log = pino({ level: settings.log ?? "silent" }, plainLines(pino.destination({ fd: 2, sync: true })))
  return { config, log, masterKeys: settings.masterKeys, endpoints: settings.endpoints }
}

/** Drivers of users; where there are none, nothing is loaded. @throws StoredError INVALID_CONFIG */
async function useDrivers(): Promise<void> {
  if (!process.env.STORED_DRIVERS) return
  const { driverPathsSchema, loadDrivers } = await import("../backends/load-drivers.ts")
  await loadDrivers(driverPathsSchema.parse(process.env.STORED_DRIVERS))
}

/** The server carries copies by itself: a command does not wait for everybody's. */
async function remote(url: string, token: string | undefined): Promise<Access> {
  const { connect } = await import("../client.ts")
  // A connection of `events` that breaks is mended by itself; whoever watches is to know that it was not quiet.
  const onError = (error: StoredError): void =>
    void process.stderr.write(faultLines(error, { json: words.includes("--json") }))
  return { ...connect(url, { onError, ...(token && { token }) }), idle: undefined }
}

const line: CommandLine = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
  open: async (options) => {
    const { STORED_URL: url, STORED_TOKEN: token } = process.env
    if (url) return remote(url, token)
    const [{ config, log, masterKeys, endpoints }, { createStore }] = await Promise.all([
      local(options),
      import("../compose.ts"),
    ])
    return createStore(config, { log, masterKeys, endpoints, localByDefault: true })
  },
  doctor: async (options, how) => {
    const [{ config, log, masterKeys }, { runDoctor }] = await Promise.all([local(options), import("../compose.ts")])
    return runDoctor(config, { ...how, log, masterKeys })
  },
  serve: async (options) => {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt)
    const [settings, { runServer }, { openServed }] = await Promise.all([
      environment(options),
      import("../api/run-server.ts"),
      import("../compose.ts"),
    ])
    return runServer(settings, openServed)
  },
  setExitCode: (code) => {
    process.exitCode ??= code
  },
}

/** The first Ctrl-C ends what runs in order; a second one at once. */
function interrupt(): void {
  if (interrupted.signal.aborted) process.exit(130)
  interrupted.abort(new StoredError("ABORTED", "Interrupted."))
}

process.on("SIGINT", interrupt).on("SIGTERM", interrupt)
// Whoever reads our output may stop early, as `head` does: that is its right and no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error
  process.exit(0)
})

try {
  await useDrivers()
  await runProgram(buildProgram(line, packageFacts.version), line, words)
} catch (error) {
  process.stderr.write(faultLines(error))
  process.exit(exitCode(error))
}
