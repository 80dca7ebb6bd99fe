/** What killed processes leave behind goes at the next start; what live ones are writing, in this or another process, stays. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readdir, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { contentOf, keysOf, stalling, text } from "../contract/backend/harness.ts"
import { after, openBackend } from "./backend-fs-root.ts"

const DRIVER = new URL("../../src/backends/fs.ts", import.meta.url).href

/** A process in the middle of a put of "k", which has written 100,000 bytes. */
async function writer(root: string): Promise<ChildProcess> {
  const script = `
    import { Readable } from "node:stream"
    const { FsBackend } = await import(${JSON.stringify(DRIVER)})
    const backend = new FsBackend({ driver: "fs", root: ${JSON.stringify(root)} }, { hashers: {} })
    await backend.open()
    let asked = 0
    const read = () => new Readable({ highWaterMark: 2 ** 21, read() {
      asked += 1
      if (asked === 1) this.push(Buffer.alloc(2 ** 21))
      if (asked === 2) process.stdout.write("writing")
    } })
    process.stdin.resume()
    await backend.put("k", { read })
  `
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] })
  after(() => kill(child))
  await once(child.stdout!, "data")
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill("SIGKILL")
  await once(child, "exit")
}

it("keeps what a live process is writing and removes it once that is killed", async () => {
  const { backend, root } = await openBackend()
  await backend.put("k", text("old"))
  const child = await writer(root)
  const temporary = () => readdir(join(root, ".stored-tmp"))
  expect(await temporary()).toHaveLength(1)

  await (await openBackend({ root })).backend.close()
  expect(await temporary()).toHaveLength(1)

  await kill(child)
  expect(await contentOf(backend, "k")).toBe("old")
  expect(await keysOf(backend)).toEqual(["k"])
  await openBackend({ root })
  expect(await temporary()).toEqual([])
})

it("keeps what this process is writing", async () => {
  const { backend, root } = await openBackend()
  const { source, reached } = stalling(Buffer.alloc(100_000))
  const stream = source.read()
  const putting = backend.put("k", { read: () => stream })
  await reached
  const second = await openBackend({ root })
  stream.push("end")
  stream.push(null)
  await putting
  expect((await second.backend.stat("k"))?.size).toBe(100_003)
})

it("takes a process of the same id that started later for another one", async () => {
  const { root } = await openBackend()
  const child = await writer(root)
  const [name = ""] = await readdir(join(root, ".stored-tmp"))
  const [machine, pid, start, ...rest] = name.split(".")
  const earlier = [machine, pid, Number(start) - 1, ...rest].join(".")
  await writeFile(join(root, ".stored-tmp", earlier), "x")
  await openBackend({ root })
  expect(await readdir(join(root, ".stored-tmp"))).toEqual([name])
  await kill(child)
})

it("gives what comes from other machines a day, and directories for ever", async () => {
  const { root, backend } = await openBackend()
  const at = (name: string) => join(root, ".stored-tmp", name)
  const [fresh, old, odd] = ["0123456789ab.1.5.00112233.1", "0123456789ab.1.5.00112233.2", "notes.txt"]
  for (const name of [fresh, old, odd]) await writeFile(at(name), "x")
  const twoDaysAgo = Date.now() / 1000 - 2 * 86_400
  await utimes(at(old), twoDaysAgo, twoDaysAgo)
  await backend.open()
  expect((await readdir(join(root, ".stored-tmp"))).sort()).toEqual([fresh, odd].sort())
})
