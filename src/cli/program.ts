/** The command line as a commander program: options that all commands share, and every command as a visible list. */
import { Command, CommanderError } from "commander"
import { StoredError } from "../core/error.ts"
import type { CommandLine } from "./command-line.ts"
import { archiveCommand } from "./commands/archive.ts"
import { backendsCommand } from "./commands/backends.ts"
import { backendsAddCommand } from "./commands/backends-add.ts"
import { backendsPauseCommands } from "./commands/backends-pause.ts"
import { completionCommand } from "./commands/completion.ts"
import { cpCommand, mvCommand } from "./commands/cp.ts"
import { doctorCommand } from "./commands/doctor.ts"
import { driftCommand } from "./commands/drift.ts"
import { eventsCommand } from "./commands/events.ts"
import { failedCommand } from "./commands/failed.ts"
import { getCommand } from "./commands/get.ts"
import { lsCommand } from "./commands/ls.ts"
import { putCommand } from "./commands/put.ts"
import { rmCommand } from "./commands/rm.ts"
import { scanCommand } from "./commands/scan.ts"
import { serveCommand } from "./commands/serve.ts"
import { statCommand } from "./commands/stat.ts"
import { statusCommand } from "./commands/status.ts"
import { syncRetryCommand } from "./commands/sync-retry.ts"
import { tokensCommand } from "./commands/tokens.ts"
import { urlCommand } from "./commands/url.ts"
import { validateCommand } from "./commands/validate.ts"
import { whyCommand } from "./commands/why.ts"
import { examplesText } from "./examples.ts"
import { EXIT_CODES, exitCode } from "./exit-code.ts"
import { faultLines } from "./fault.ts"

const COMMANDS = [
  putCommand,
  getCommand,
  cpCommand,
  mvCommand,
  archiveCommand,
  urlCommand,
  lsCommand,
  statCommand,
  rmCommand,
  whyCommand,
  eventsCommand,
  failedCommand,
  syncRetryCommand,
  statusCommand,
  backendsCommand,
  backendsAddCommand,
  backendsPauseCommands,
  scanCommand,
  driftCommand,
  tokensCommand,
  validateCommand,
  doctorCommand,
  serveCommand,
  completionCommand,
]

export function buildProgram(line: CommandLine, version: string): Command {
  const program = new Command("stored")
    .description("Keeps blobs safe on local disk, carries copies to every backend, and proves where they are.")
    .version(version)
    .option("--data <directory>", "where catalog and staging lie (STORED_DATA, .stored)")
    .option("--config <file>", "JSON, YAML or TOML configuration (STORED_CONFIG)")
    .option("--json", "JSON lines on standard output, JSON errors on standard error")
    .addHelpText("after", helpTail())
  for (const add of COMMANDS) add(program, line)
  for (const command of withWords(program)) {
    command
      .addHelpText("after", () => examplesText(command))
      .configureHelp({ showGlobalOptions: true })
      .exitOverride()
      .showSuggestionAfterError(false)
      .configureOutput({
        writeOut: (text) => line.stdout.write(text),
        // Usage errors become one line of our own; help that was not asked for is not part of it.
        writeErr: () => {},
        outputError: () => {},
      })
  }
  return program
}

/** A command and all below it. */
function withWords(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withWords)]
}

/** Runs one command line. Whatever goes wrong ends as one line on stderr and an exit code, never as a stack. */
export async function runProgram(program: Command, line: CommandLine, words: readonly string[]): Promise<void> {
  try {
    await program.parseAsync([...words], { from: "user" })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    const fault = error instanceof CommanderError ? usageFault(error) : error
    line.stderr.write(faultLines(fault, { json: words.includes("--json") }))
    line.setExitCode(exitCode(fault))
  }
}

function usageFault(error: CommanderError): StoredError {
  const reason = error.message === "(outputHelp)" ? "name a command" : error.message.replace(/^error: /, "")
  return new StoredError("INVALID_INPUT", `${reason}; see stored --help.`, { cause: error })
}

function helpTail(): string {
  const codes = EXIT_CODES.map(([code, meaning]) => `  ${String(code).padEnd(4)}${meaning}`)
  return [
    "",
    "Environment:",
    "  STORED_URL     talk to this server instead of opening the data directory",
    "  STORED_TOKEN   what to show that server",
    "  STORED_DATA, STORED_CONFIG, STORED_HOST, STORED_PORT, STORED_LOG, STORED_MASTER_KEY, STORED_DRIVERS  as for the service",
    "",
    "Exit codes:",
    ...codes,
  ].join("\n")
}
