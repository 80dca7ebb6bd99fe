/**
 * Two processes with stores of their own on one folder. Each takes what the other writes for what somebody has written: both end with what lies there, nothing is written to and fro,
 * and no file is lost.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { appendFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, it, onTestFinished } from "vitest"
import { idOf } from "../contract/catalog.facts.ts"
import { temporaryDirectory } from "../flow/open-store.ts"
import { SeededRandom } from "./kill-random.ts"
import type { Asked } from "./scan-shared-child.ts"

const CHILD = fileURLToPath(new URL("scan-shared-child.ts", import.meta.url))
const NAMES = ["a", "b", "c", "d/a", "d/b", "e/f/g", "h"]

interface Neighbour {
  ask<Answer = true>(asked: Asked): Promise<Answer>
}

async function start(folder: string, mode: "observe" | "enforce"): Promise<Neighbour> {
  const data = join(await temporaryDirectory(), "data")
  const child: ChildProcess = fork(CHILD, [data, folder, mode], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
  onTestFinished(async () => {
    if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "exit")
  })
  // One question after the other.
  let last: Promise<unknown> = next(child)
  const ask = <Answer>(asked: Asked): Promise<Answer> => {
    const answer = last.then(() => {
      child.send(asked)
      return next(child)
    })
    last = answer
    return answer as Promise<Answer>
  }
  await last
  return { ask }
}

async function next(child: ChildProcess): Promise<unknown> {
  const settled = new AbortController()
  const { signal } = settled
  const [told] = (await Promise.race([
    once(child, "message", { signal }),
    once(child, "exit", { signal }).then(([code]) => [{ error: `it ended with ${code}` }]),
  ]).finally(() => settled.abort())) as [{ answer?: unknown; error?: string }]
  if (told.error !== undefined) throw new Error(told.error)
  return told.answer
}

async function treeOf(folder: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const key = path.slice(folder.length + 1)
    if (entry.isFile() && !key.startsWith(".stored-tmp")) tree[key] = idOf((await readFile(path)).toString())
  }
  return tree
}

async function change(folder: string, random: SeededRandom, count: number): Promise<void> {
  const path = join(folder, random.pick(NAMES))
  const kind = random.next()
  const step = async (): Promise<void> => {
    if (kind < 0.5) {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, `content ${count}`)
    } else if (kind < 0.65) await appendFile(path, `and ${count}`)
    else if (kind < 0.85) await rename(path, join(folder, random.pick(NAMES)))
    else await rm(path)
  }
  await step().catch((error: NodeJS.ErrnoException) => {
    if (!["ENOENT", "ENOTDIR", "EISDIR"].includes(error.code ?? "")) throw error
  })
}

it("two that observe one folder both end with what lies there", { timeout: 90_000 }, async () => {
  const folder = await temporaryDirectory()
  const both = await Promise.all([start(folder, "observe"), start(folder, "observe")])
  const random = new SeededRandom(1)
  for (let count = 0; count < 120; count += 1) {
    await change(folder, random, count)
    if (count % 30 === 10) void both[0].ask({ ask: "scan" })
    if (count % 30 === 20) await both[1].ask({ ask: "scan" })
  }
  const tree = await treeOf(folder)
  for (const each of both) {
    await each.ask({ ask: "scan" })
    await each.ask({ ask: "scan" })
    expect(await each.ask({ ask: "catalog" })).toEqual(tree)
  }
  for (const each of both) await each.ask({ ask: "close" })
  expect(await treeOf(folder)).toEqual(tree)
})

it("one that writes and enforces beside one that observes: its writes are edits there, and nothing goes to and fro", {
  timeout: 90_000,
}, async () => {
  const folder = await temporaryDirectory()
  const [writer, observer] = await Promise.all([start(folder, "enforce"), start(folder, "observe")])
  const wanted: Record<string, string> = {}
  const put = async (key: string, content: string): Promise<void> => {
    await writer.ask({ ask: "put", key, content })
    wanted[key] = idOf(content)
  }
  for (let count = 0; count < 12; count += 1) await put(`w/${count}`, `first ${count}`)
  void observer.ask({ ask: "scan" })
  for (let count = 0; count < 8; count += 1) await put(`w/${count}`, `second ${count}`)
  for (const key of ["w/0", "w/11"]) {
    await writer.ask({ ask: "delete", key })
    delete wanted[key]
  }
  // What somebody else changes or takes away is put right; what they add stays.
  await writeFile(join(folder, "w/1"), "edited by hand")
  await rm(join(folder, "w/2"))
  await writeFile(join(folder, "theirs"), "theirs")
  await observer.ask({ ask: "put", key: "of-the-observer", content: "its own" })
  Object.assign(wanted, { theirs: idOf("theirs"), "of-the-observer": idOf("its own") })
  const both = [writer, observer]
  for (let round = 0; round < 2; round += 1) for (const each of both) await each.ask({ ask: "scan" })
  expect(await treeOf(folder)).toEqual(wanted)
  for (const each of both) expect(await each.ask({ ask: "catalog" })).toEqual(wanted)
  const told = await Promise.all(both.map((each) => each.ask<number>({ ask: "told" })))
  for (let round = 0; round < 2; round += 1)
    for (const each of both) {
      await each.ask({ ask: "upkeep" })
      await each.ask({ ask: "scan" })
    }
  expect(await Promise.all(both.map((each) => each.ask({ ask: "told" })))).toEqual(told)
  expect(await treeOf(folder)).toEqual(wanted)
  for (const each of both) await each.ask({ ask: "close" })
})
