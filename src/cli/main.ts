#!/usr/bin/env node
/**
 * The entry of the command `stored`: wires the commands to the composition, to the service and, where `STORED_URL` is set, to a
 * running server. Commands themselves stand in `commands/`, exit codes in `exit-code.ts`.
 */
import "../thread-pool.ts"
import { pino } from "pino"
import packageFacts from "../../package.json" with { type: "json" }
import { loadConfig } from "../api/config-file.ts"
import { type Environment, parseEnvironment } from "../api/environment.ts"
import { runServer } from "../api/run-server.ts"
import { driverPathsSchema, loadDrivers } from "../backends/load-drivers.ts"
import { connect } from "../client.ts"
import { createStore, openServed, runDoctor } from "../compose.ts"
import type { StoreConfigInput } from "../core/config.ts"
import { StoredError } from "../core/error.ts"
import type { CommandLine, GlobalOptions, ServeOptions } from "./command-line.ts"
import { exitCode } from "./exit-code.ts"
import { faultLines } from "./fault.ts"
import { buildProgram, runProgram } from "./program.ts"

const interrupted = new AbortController()

function environment({ data, config, insecureRedis }: ServeOptions): Environment {
  return parseEnvironment({
    ...process.env,
    ...(data && { STORED_DATA: data }),
    ...(config && { STORED_CONFIG: config }),
    ...(insecureRedis && { STORED_INSECURE_REDIS: "1" }),
  })
}

async function local(options: GlobalOptions) {
  const settings = environment(options)
  const config: StoreConfigInput = await loadConfig(settings)
  // Errors are told as one line each; the log is for who asks for it.
  const log = pino({ level: settings.log ?? "silent" }, pino.destination({ fd: 2, sync: true }))
  return { config, log, masterKeys: settings.masterKeys, endpoints: settings.endpoints }
}

const line: CommandLine = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
  open: async (options) => {
    const { STORED_URL: url, STORED_TOKEN: token } = process.env
    // The server carries copies by itself: a command does not wait for everybody's.
    if (url) return { ...connect(url, token ? { token } : {}), idle: undefined }
    const { config, log, masterKeys, endpoints } = await local(options)
    return createStore(config, { log, masterKeys, endpoints, localByDefault: true })
  },
  doctor: async (options, how) => {
    const { config, log, masterKeys } = await local(options)
    return runDoctor(config, { ...how, log, masterKeys })
  },
  serve: (options) => {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt)
    return runServer(environment(options), openServed)
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
  await loadDrivers(driverPathsSchema.parse(process.env.STORED_DRIVERS))
  await runProgram(buildProgram(line, packageFacts.version), line, process.argv.slice(2))
} catch (error) {
  process.stderr.write(faultLines(error))
  process.exit(exitCode(error))
}
