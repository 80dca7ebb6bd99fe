/** The reference of all commands as Markdown, made from the program: `docs/cli.md`, which a test compares with it. */
import type { Command } from "commander"
import { wordsOf } from "./examples.ts"
import { EXIT_CODES } from "./exit-code.ts"

const INTRODUCTION = `# The command \`stored\`

Made from the program itself: a test fails where this page is another. \`npx vitest run test/flow/cli-reference.test.ts -u\` writes it anew.

Without a server a command opens the data directory itself (\`--data\`, \`STORED_DATA\`), does its work, carries the copies that are due, and ends. With \`STORED_URL\`, and \`STORED_TOKEN\` where one is
asked for, it talks to that server, which goes on after it. People get text; \`--json\` gives JSON lines on standard output, and errors as JSON lines on standard error. Questions, progress and what
is passed over are on standard error too.

## Places of \`cp\` and \`mv\`

A key is written with a colon before it: \`:photos/a.jpg\`; \`:\` is the whole store. Everything else is a path of this machine; a file whose name begins with a colon is \`./:name\`.

- A target that ends in a slash, \`:\`, or a folder of this machine that is there, is a folder: what comes keeps its name in it. Any other target is the name itself.
- \`-r\` copies what is *in* a folder: \`stored cp -r ./photos :pictures/\` makes \`pictures/<path within photos>\`, and \`stored cp -r :pictures/ ./backup/\` is the way back.
- What is there already with the same checksum is left as it is, so that a copy that was cut off goes on when it is said again; other content is replaced. \`--skip-existing\` leaves whatever is there,
  \`--force\` copies all. Of an object that is there, \`mv\` replaces it.
- Symbolic links, sockets, pipes, devices, and names that are not UTF-8 are passed over and told, and are no fault. A name that can be no key, or no file, is told and is one.
- What comes from the store appears under its name whole or not at all, and nothing is written outside of the target or through a symbolic link in it.
- \`mv\` works within the store only. Folders that lie within each other are refused.

## Exit codes

| code | meaning |
|---|---|
${EXIT_CODES.map(([code, meaning]) => `| ${code} | ${meaning} |`).join("\n")}

Of many things that are done, one that fails holds up no other; the code is that of the first that failed. \`stored events\` and \`stored status --watch\` end with 0 on Ctrl-C, and every command does
where whoever reads its output stops.
`

export function reference(program: Command): string {
  return `${[INTRODUCTION, ...sections(program)].join("\n")}`
}

function sections(command: Command): string[] {
  const title = `## \`${["stored", wordsOf(command)].join(" ").trim()}\``
  return [`${title}\n\n\`\`\`\n${helpOf(command)}\n\`\`\`\n`, ...command.commands.flatMap(sections)]
}

function helpOf(command: Command): string {
  let text = ""
  const output = command.configureOutput()
  command.configureOutput({ ...output, writeOut: (part) => (text += part), getOutHelpWidth: () => 120 })
  command.outputHelp()
  command.configureOutput(output)
  return text.trimEnd()
}
