/** The newer commands at a running server. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { connect } from "../../src/client.ts"
import { listen } from "../unit/api-server.ts"
import { parsed } from "./cli-folder.ts"
import { runLine } from "./cli-line.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const MAIN = new URL("../../src/cli/main.ts", import.meta.url).pathname

/** `stored …` that stays; what it says is waited for. */
function startLine(words: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, ...words], { env: { ...process.env, ...env } })
  const closed = once(child, "close")
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await closed
  })
  const told = { out: "", err: "" }
  const waiting = new Set<() => void>()
  const hear = (name: "out" | "err") => (chunk: Buffer) => {
    told[name] += chunk.toString()
    for (const look of waiting) look()
  }
  child.stdout.on("data", hear("out"))
  child.stderr.on("data", hear("err"))
  const says = (name: "out" | "err", pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!pattern.test(told[name])) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  return { child, closed, told, says }
}

test("copies, moves, explains and removes at a server", async () => {
  const { store, directory } = await openTestStore()
  const { url } = await listen(store)
  const { close, ...remote } = connect(url)
  onTestFinished(() => close({ deadline: 100 }))
  const run = (...words: string[]) => runLine(words, { access: { ...remote, idle: undefined } })
  const tree = join(directory, "tree")
  await mkdir(join(tree, "sub"), { recursive: true })
  for (const name of ["a", "sub/b"]) await writeFile(join(tree, name), name)
  expect(await run("cp", "-r", tree, ":t/")).toMatchObject({ code: 0, err: "" })
  expect((await run("mv", ":t/a", ":t/c")).code).toBe(0)
  const back = join(directory, "back")
  expect((await run("cp", "-r", ":t/", back)).out).toMatch(/2 done, 6 B\n$/)
  expect(await readFile(join(back, "c"), "utf8")).toBe("a")
  expect((await run("cp", "-r", ":t/", back)).out).toMatch(/0 done, 0 B; 2 were there already\n$/)
  const [why] = parsed((await run("why", "t/c", "--json")).out)
  expect(why).toMatchObject({ object: { key: "t/c" }, journal: { complete: true } })
  expect(await run("sync-retry")).toMatchObject({ code: 0, out: "0 jobs put back to work\n" })
  expect(await run("failed")).toEqual({ code: 0, out: "", err: "" })
  expect((await run("rm", "-r", "t", "-y")).out).toMatch(/removed 2 objects below t\/\n$/)
})

test("events go on over a restart of the server, and end well on Ctrl-C and where nobody reads any more", async () => {
  const directory = await temporaryDirectory()
  const settings = { STORED_DATA: join(directory, "data") }
  const first = await startProcess(settings)
  const put = (url: string, key: string) => fetch(`${url}/v1/objects/${key}`, { method: "PUT", body: key })
  await put(first.url, "one")
  const tail = startLine(["events", "--after", "0", "--type", "put"], { STORED_URL: first.url })
  await tail.says("out", / one /)
  await first.end("SIGKILL")
  await tail.says("err", /^stored: .*\[BACKEND_UNAVAILABLE\]\n/)
  const second = await startProcess({ ...settings, STORED_PORT: new URL(first.url).port })
  await put(second.url, "two")
  await tail.says("out", / two /)
  tail.child.kill("SIGINT")
  expect(await tail.closed).toEqual([0, null])
  expect(tail.told.out.trimEnd().split("\n")).toHaveLength(2)

  const cut = startLine(["events", "--after", "0"], { STORED_URL: second.url })
  await cut.says("out", / two /)
  cut.child.stdout.destroy()
  await put(second.url, "three")
  expect(await cut.closed).toEqual([0, null])
  expect(cut.told.err).toBe("")
}, 120_000)
