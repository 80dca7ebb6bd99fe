/**
 * Real input from end to end: packages of the project's own `node_modules` (thousands of files, duplicates, empty files; links are left out; all of them with
 * `STORED_TREE_FILES=all`) and one file larger than 2 GiB are put, synced to two file backends, listed, and read back. `sha256sum`, which shares no code with the store, compares
 * the trees. The process stays under 300 MiB.
 */
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { afterAll, beforeAll, expect, test } from "vitest"
import { runDoctor } from "../../src/index.ts"
import { watchMemory } from "../process-memory.ts"
import { makeBigFile } from "./big-file.ts"
import type { ListedObject, TreeAnswer, TreeTask } from "./tree-child.ts"

const run = promisify(execFile)
const NODE_MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url))
const CHILD = fileURLToPath(new URL("./tree-child.ts", import.meta.url))
const BIG = 2 * 2 ** 30 + 5 * 2 ** 20 + 13
/** MiB */
const MEMORY_LIMIT = 300
/**
 * As in a small container. Without a limit V8 does not collect garbage before it has taken its share of the machine's memory (128 MiB for the
 * young generation alone on one with 24 GiB), and glibc keeps a heap for every thread and freed megabytes in it: then the machine is measured, not the store.
 */
const SMALL_HEAP = ["--max-old-space-size=96", "--max-semi-space-size=4"]
const FEW_ARENAS = { ...process.env, MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072" }

/** Without the test runner's own caches, which change while it runs. */
const SHA256SUMS = "find . -name '.vite*' -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum"

/** Files of packages that are enough; all of them where the environment says `STORED_TREE_FILES=all`. */
const ENOUGH = process.env.STORED_TREE_FILES === "all" ? Number.POSITIVE_INFINITY : 5_000

/** Whole packages, in the order of their names. A copy, because the test runner writes its own caches into the tree while it runs. */
async function copyPackages(target: string): Promise<void> {
  let files = 0
  const entries = (await readdir(NODE_MODULES, { withFileTypes: true })).filter(({ name }) => !name.startsWith(".vite"))
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const copy = join(target, entry.name)
    await cp(join(NODE_MODULES, entry.name), copy, { recursive: true, verbatimSymlinks: true })
    const below = entry.isDirectory() ? await readdir(copy, { recursive: true, withFileTypes: true }) : [entry]
    files += below.filter((each) => each.isFile()).length
    if (files >= ENOUGH) return
  }
}

let directory = ""
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "stored-tree-"))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** `sha256sum` of every file below a directory: path → hex. */
async function sums(root: string, prefix = ""): Promise<Map<string, string>> {
  const { stdout } = await run("bash", ["-c", SHA256SUMS], { cwd: root, maxBuffer: 2 ** 28 })
  const lines = stdout.split("\n").filter((line) => line !== "")
  // sha256sum marks names that it had to escape with a backslash; there are none in this tree.
  return new Map(lines.map((line) => [prefix + line.slice(68), line.slice(0, 64)]))
}

test("a real tree and a file over 2 GiB: put, synced, listed, read back, equal by sha256sum, under 300 MiB", {
  timeout: 600_000,
}, async () => {
  const place = (name: string): string => join(directory, name)
  await Promise.all(["source", "a", "b", "back"].map((name) => mkdir(place(name))))
  await copyPackages(place("modules"))
  await makeBigFile(place("source/large file.bin"), BIG, 20_261_121)
  const task: TreeTask = {
    data: place("data"),
    backends: [place("a"), place("b")],
    sources: [
      { directory: place("source"), prefix: "big/" },
      { directory: place("modules"), prefix: "node_modules/" },
    ],
    readBack: place("back"),
    listing: place("listing.jsonl"),
  }
  const running = run(process.execPath, [...SMALL_HEAP, CHILD, JSON.stringify(task)], { env: FEW_ARENAS })
  const memory = watchMemory(running.child.pid ?? 0)
  const { stdout } = await running.finally(memory.end)
  const answer = JSON.parse(stdout) as TreeAnswer
  console.log(
    `${answer.files} files, ${answer.bytes} bytes; put ${answer.seconds.put} s, sync ${answer.seconds.sync} s, ` +
      `read back ${answer.seconds.readBack} s; peak memory in MiB ${JSON.stringify(memory.peaks())}`,
  )

  const [big, modules] = await Promise.all([sums(place("source"), "big/"), sums(place("modules"), "node_modules/")])
  const source = new Map([...big, ...modules])
  const digests = new Set(source.values())
  expect(source.size, "the tree is a real one").toBeGreaterThan(1_000)
  expect(digests.size, "it has duplicates").toBeLessThan(source.size)
  expect(answer.skippedLinks, "it has links").toBeGreaterThan(0)

  expect(answer.files).toBe(source.size)
  expect(answer.unsynced).toEqual([])
  expect(answer.failed).toBe(0)
  const lines = (await readFile(task.listing, "utf8")).trimEnd().split("\n")
  const listed = lines.map((line) => JSON.parse(line) as ListedObject)
  expect(new Map(listed.map(({ key, checksum }) => [key, checksum.replace("sha256:", "")]))).toEqual(source)
  expect(listed.find((object) => object.key === "big/large file.bin")?.size).toBe(BIG)
  const [a, b, back] = await Promise.all([sums(place("a")), sums(place("b")), sums(place("back"))])
  expect(a, "backend a").toEqual(source)
  expect(b, "backend b").toEqual(source)
  expect(back, "what was read back").toEqual(source)
  expect(memory.samples, "it was watched").toBeGreaterThan(1_000)
  expect(memory.peaks().own).toBeLessThan(MEMORY_LIMIT)

  const report = await runDoctor({
    data: task.data,
    backends: { a: { driver: "fs", root: task.backends[0] }, b: { driver: "fs", root: task.backends[1] } },
  })
  expect(report.findings).toEqual([])
  expect(report.clean).toBe(true)
  expect(report.checked).toMatchObject({ objects: source.size, locations: 2 * source.size, blobs: digests.size })
})
