/** `stored backends pause NAME` and `stored backends resume NAME`: its jobs wait, or go on. */
import type { Command } from "commander"
import type { BackendInfo } from "../../store/store.ts"
import { type CommandLine, type GlobalOptions, print, withAccess } from "../command-line.ts"
import { safe } from "../format.ts"

export function backendsPauseCommands(program: Command, line: CommandLine): void {
  const backends =
    program.commands.find((command) => command.name() === "backends") ??
    program.command("backends").description("the backends of a store")
  backends
    .command("pause")
    .description("begin none of a backend's jobs until it is resumed; what runs goes on")
    .argument("<name>")
    .action((name: string, _options: unknown, command: Command) => run(line, "pause", name, command.optsWithGlobals()))
  backends
    .command("resume")
    .description("go on with a backend's jobs")
    .argument("<name>")
    .action((name: string, _options: unknown, command: Command) => run(line, "resume", name, command.optsWithGlobals()))
}

async function run(line: CommandLine, verb: "pause" | "resume", name: string, options: GlobalOptions): Promise<void> {
  await withAccess(line, options, async (access) => {
    const info = await (verb === "pause" ? access.pauseBackend(name) : access.resumeBackend(name))
    print(line, options, info, () => describe(info))
  })
}

function describe({ name, paused, pending }: BackendInfo): string {
  return `${safe(name)} ${paused ? "is paused" : "works"}: ${pending} waiting`
}
