/** `stored completion bash|zsh|fish`: a script that teaches a shell the commands and their options. */
import { Argument, type Command } from "commander"
import { type CommandLine, type GlobalOptions, print } from "../command-line.ts"
import { completionScript, SHELLS, type Shell } from "../completion.ts"

export function completionCommand(program: Command, line: CommandLine): void {
  program
    .command("completion")
    .description("print what teaches a shell to complete commands and options")
    .addArgument(new Argument("<shell>", "whose").choices(SHELLS))
    .action((shell: Shell, _options: unknown, command: Command) => {
      const options: GlobalOptions = command.optsWithGlobals()
      const script = completionScript(program, shell)
      print(line, options, { shell, script }, () => script.trimEnd())
    })
}
