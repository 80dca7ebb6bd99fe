/** Completion in the shells themselves, taught as the help says: a line is typed, completed, and what is called then is looked at. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it, onTestFinished, type TestContext } from "vitest"
import { EXAMPLES } from "../../src/cli/examples.ts"
import { run } from "../programs.ts"
import { temporaryDirectory } from "./open-store.ts"

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname

/** What is typed before the tab, and what is called then. The folder has `file.txt` and `common.json`. */
const LINES: [typed: string, called: string][] = [
  ["sy", "sync-retry"],
  ["backends pa", "backends pause"],
  ["backends --json res", "backends --json resume"],
  ["cp --sk", "cp --skip-existing"],
  ["put --js", "put --json"],
  ["completion zs", "completion zsh"],
  ["put fi", "put file.txt"],
  // Not `completion`: it is the value of an option.
  ["--config com", "--config common.json"],
]

/** Leaves the test out where there is no such program. */
async function requireProgram(context: TestContext, program: string): Promise<void> {
  const found = await run(program, ["--version"]).then(
    () => true,
    () => false,
  )
  if (!found) context.skip(`Not shown: completion there, for want of ${program}; install it to see (apt-get install).`)
}

/** A home with those files, and with `stored` on the path. */
async function home() {
  const directory = await temporaryDirectory()
  for (const name of ["file.txt", "common.json"]) await writeFile(join(directory, name), "")
  await mkdir(join(directory, "bin"))
  const command = `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`
  await writeFile(join(directory, "bin", "stored"), command, { mode: 0o755 })
  const { PATH, LANG = "C.UTF-8" } = process.env
  const env = { PATH: `${join(directory, "bin")}:${PATH}`, LANG, HOME: directory, ZDOTDIR: directory, TERM: "dumb" }
  return { directory, env }
}

/** How the examples teach it to a shell. */
function lesson(shell: string): string {
  return EXAMPLES.completion!.find((line) => line.includes(`completion ${shell}`))!.replace(/ {2,}#.*/, "")
}

/** What a shell reads when it begins. */
interface Rc {
  name: string
  lines: string[]
}

/** A shell on a terminal of its own, that says what it would call. */
async function startShell(command: string, { name, lines }: Rc) {
  const { directory, env } = await home()
  const says = `stored() { printf 'CALLED<%s>' "$*"; }`
  await writeFile(join(directory, name), `${[...lines, says, "PS1='READY> '"].join("\n")}\n`)
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: directory, env })
  const ended = once(child, "close")
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  let said = ""
  let heard = (): void => {}
  const hear = (chunk: Buffer): void => {
    said += chunk.toString()
    heard()
  }
  child.stdout.on("data", hear)
  child.stderr.on("data", hear)
  const until = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      heard = () => {
        if (said.includes(text)) resolve()
      }
      ended.then(() => reject(new Error(`the shell ended: ${said}`)), reject)
      heard()
    })
  await until("READY> ")
  return {
    /** @returns once it was completed to that and called */
    async completes(typed: string, called: string): Promise<void> {
      said = ""
      child.stdin.write(`stored ${typed}\t`)
      await until(called)
      child.stdin.write("\n")
      await until(`CALLED<${called}>`)
    },
  }
}

const COMPINIT = "autoload -Uz compinit; compinit -u"

const SHELLS: [name: string, command: string, rc: Rc][] = [
  ["bash", "bash --noprofile --rcfile ~/.rc -i", { name: ".rc", lines: [lesson("bash")] }],
  ["zsh", "zsh -i", { name: ".zshrc", lines: [COMPINIT, lesson("zsh")] }],
  [
    "zsh",
    "zsh -i",
    // As packages of systems have it: a file of the path of functions.
    {
      name: ".zshrc",
      lines: ["mkdir ~/site; stored completion zsh > ~/site/_stored; fpath=(~/site $fpath)", COMPINIT],
    },
  ],
]

it.for(SHELLS)(
  "%s completes commands, options, and files where those are wanted",
  { timeout: 120_000 },
  async (each, context) => {
    const [shell, command, rc] = each
    await requireProgram(context, shell)
    await requireProgram(context, "script")
    const line = await startShell(command, rc)
    for (const [typed, called] of LINES) await line.completes(typed, called)
  },
)

it("fish completes commands, options, and files where those are wanted", async (context) => {
  await requireProgram(context, "fish")
  const { directory, env } = await home()
  await mkdir(join(directory, ".config/fish/completions"), { recursive: true })
  await run("sh", ["-c", lesson("fish")], { env })
  for (const [typed, called] of LINES) {
    const { stdout } = await run("fish", ["-c", `complete -C 'stored ${typed}'`], { env, cwd: directory })
    const found = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t")[0])
    expect(found, typed).toEqual([called.split(" ").at(-1)])
  }
}, 120_000)
