/** What holds for every command there is: examples, --json, completion, and the reference in docs/cli.md. */
import { execFileSync } from "node:child_process"
import { Readable } from "node:stream"
import type { Command } from "commander"
import { describe, expect, it } from "vitest"
import type { CommandLine } from "../../src/cli/command-line.ts"
import { EXAMPLES, wordsOf } from "../../src/cli/examples.ts"
import { EXIT_CODES } from "../../src/cli/exit-code.ts"
import { buildProgram } from "../../src/cli/program.ts"
import { reference } from "../../src/cli/reference.ts"
import { mapStore } from "../unit/map-store.ts"
import { runLine } from "./cli-line.ts"

const program = buildProgram({ stdin: Readable.from([]) } as unknown as CommandLine, "0.0.0")
const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)]
const commands = all(program).slice(1)

describe("every command", () => {
  it.each(commands.map((command) => [wordsOf(command)]))("%s has an example, and --json", async (words) => {
    const { code, out } = await runLine([...words.split(" "), "--help"], { access: mapStore() })
    expect(code).toBe(0)
    expect(out).toMatch(/\nGlobal Options:\n[\s\S]* --json /)
    const [, examples = ""] = out.split("\nExamples:\n")
    expect(examples.split("\n").some((line) => line.includes(`stored ${words}`) || line.includes("stored "))).toBe(true)
    expect(EXAMPLES[words]!.some((line) => line.includes(`stored ${words.split(" ")[0]}`))).toBe(true)
  })

  it("is what the examples are of", () => {
    expect(Object.keys(EXAMPLES).sort()).toEqual(commands.map(wordsOf).sort())
  })

  it("is called in its examples by words that it knows", () => {
    for (const [words, examples] of Object.entries(EXAMPLES)) {
      const command = commands.find((each) => wordsOf(each) === words)!
      const known = [...command.options, ...command.commands.flatMap((each) => each.options), ...program.options]
      for (const example of examples) {
        const [, own = ""] =
          /stored ([^|>]*)/.exec(example.replace(/ {2,}#.*| # .*/, "").replace(/".*?"/g, "text")) ?? []
        for (const flag of own.match(/(?<=\s)--?[a-z][a-z-]*/g) ?? []) {
          expect(
            known.some(({ short, long }) => short === flag || long === flag),
            `${example}: ${flag}`,
          ).toBe(true)
        }
      }
    }
  })
})

describe("completion", () => {
  const complete = async (...words: string[]): Promise<string[]> => {
    const { out } = await runLine(["completion", "bash"], { access: mapStore() })
    const ask = `COMP_WORDS=(stored "$@"); COMP_CWORD=$#; _stored; printf '%s\\n' "\${COMPREPLY[@]}"`
    const answer = execFileSync("bash", ["--norc", "-c", `${out}\n${ask}`, "bash", ...words], { encoding: "utf8" })
    return answer.split("\n").filter((line) => line !== "")
  }

  it("gives bash the commands, those within them, and their options", async () => {
    expect((await complete("")).sort()).toEqual(program.commands.map((command) => command.name()).sort())
    expect(await complete("sy")).toEqual(["sync-retry"])
    expect(await complete("backends", "p")).toEqual(["pause"])
    expect(await complete("backends", "--json", "res")).toEqual(["resume"])
    expect(await complete("cp", "--sk")).toEqual(["--skip-existing"])
    expect(await complete("put", "--js")).toEqual(["--json"])
    // Files are the shell's own to find.
    expect(await complete("put", "x")).toEqual([])
  })

  it("has every command and option for the other shells, and refuses one that it does not know", async () => {
    for (const shell of ["zsh", "fish"]) {
      const { out } = await runLine(["completion", shell], { access: mapStore() })
      for (const command of commands) expect(out).toContain(command.name())
      for (const { long } of commands.flatMap((command) => command.options)) expect(out).toContain(long!.slice(2))
    }
    expect(await runLine(["completion", "csh"], { access: mapStore() })).toMatchObject({ code: 2 })
    const [record] = [(await runLine(["completion", "bash", "--json"], { access: mapStore() })).out]
    expect(JSON.parse(record)).toMatchObject({ shell: "bash", script: expect.stringContaining("complete -o default") })
  })
})

describe("docs/cli.md", () => {
  it("is what the program says; written anew by -u", async () => {
    const text = reference(program)
    for (const [code, meaning] of EXIT_CODES) expect(text).toContain(`| ${code} | ${meaning} |`)
    await expect(text).toMatchFileSnapshot("../../docs/cli.md")
  })
})
