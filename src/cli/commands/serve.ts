/** `stored serve`: the service, the same as `npm start`. */
import type { Command } from "commander"
import type { CommandLine } from "../command-line.ts"

export function serveCommand(program: Command, line: CommandLine): void {
  program
    .command("serve")
    .description("run the service: HTTP on STORED_HOST:STORED_PORT (127.0.0.1:7070)")
    .option("--insecure-redis", "take a Redis on another host without TLS or password (STORED_INSECURE_REDIS=1)")
    .action((_options: unknown, command: Command) => line.serve(command.optsWithGlobals()))
}
