/** The parts of the pool by themselves: one member's end, and the Procfile. */
import { readFile } from "node:fs/promises"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { Member, type MemberEnd } from "../infra/pool/member.ts"
import { parseProcfile } from "../infra/pool/procfile.ts"
import { isAlive } from "./flow/pool-lines.ts"

function start(command: string, restarts: (end: MemberEnd) => boolean = () => false) {
  const said: string[] = []
  const notes: string[] = []
  const first = Promise.withResolvers<string>()
  const member = new Member({
    name: "m",
    command,
    directory: "/",
    environment: () => process.env,
    restarts,
    line: (text) => {
      said.push(text)
      first.resolve(text)
    },
    note: (text) => void notes.push(text),
    pause: { first: 1, longest: 4, calm: 60_000 },
  })
  onTestFinished(() => member.kill())
  member.start()
  return { member, said, notes, first: first.promise }
}

describe("a member", () => {
  it("that does not end when asked is killed after its deadline, with everything that its line has started", async () => {
    const { member, first, notes } = start(`trap "" TERM; sleep 1000 & echo $!; wait; wait`)
    const child = Number(await first)
    expect(isAlive(child)).toBe(true)
    expect(await member.stop(50)).toBe(false)
    expect(notes.at(-1)).toBe("was ended by SIGKILL")
    await gone(child)
  })

  it("that ends when asked leaves nothing that its line has started, and may be asked twice", async () => {
    const { member, first } = start(`(trap "" TERM; exec sleep 1000) & echo $!; wait`)
    const child = Number(await first)
    expect(await Promise.all([member.stop(60_000), member.stop(60_000)])).toEqual([true, true])
    await gone(child)
    expect(await member.stop(60_000)).toBe(true)
  })

  it("is started again for as long as its rule says, after pauses that grow to a limit", async () => {
    let lives = 0
    const { member, notes, said } = start("echo life; exit 3", ({ code }) => code === 3 && ++lives < 5)
    expect(await member.over).toEqual({ code: 3, signal: null, asked: false })
    expect(notes.flatMap((note) => /again in (\d+) ms/.exec(note)?.[1] ?? [])).toEqual(["1", "2", "4", "4"])
    expect(said).toHaveLength(5)
  })

  it("that waits to be started again can be asked to end", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    onTestFinished(() => void vi.useRealTimers())
    const waiting = Promise.withResolvers<void>()
    const { member } = start("exit 3", () => {
      setImmediate(() => waiting.resolve())
      return true
    })
    await waiting.promise
    expect(vi.getTimerCount()).toBe(1)
    expect(await member.stop(60_000)).toBe(true)
    expect((await member.over).asked).toBe(true)
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe("the Procfile", () => {
  it("of the project has the lines that the pool runs, each one process", async () => {
    const commands = parseProcfile(await readFile(new URL("../Procfile", import.meta.url), "utf8"))
    expect([...commands.keys()]).toEqual(["redis", "server", "worker"])
    // A shell or npm in between would get the signals in place of the process.
    for (const [name, command] of commands) expect(command, name).toMatch(/(?:^|&& )exec (?!npm)/)
  })

  it.each([["no command"], ["a:"], ["a: b\na: c"], [": b"]])("refuses %j and says in which line", (text) => {
    expect(() => parseProcfile(`# first\n\n${text}\n`)).toThrow(/^Line [34] of the Procfile/)
  })
})

/** SIGKILL was sent; the parent of an orphan takes its end note in its own time. */
async function gone(pid: number): Promise<void> {
  const end = Date.now() + 10_000
  while (isAlive(pid) && !(await isZombie(pid))) {
    if (Date.now() > end) throw new Error(`${pid} is still there after 10 s.`)
    await new Promise((resume) => setTimeout(resume, 5))
  }
}

async function isZombie(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
  return / [ZX] /.test(status)
}
