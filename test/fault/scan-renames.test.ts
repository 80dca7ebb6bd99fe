/** Partial files and storms of renames (row 35, I13): nothing half is recorded, what was moved is known to have moved, and the catalog ends as the folder. */
import { appendFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import type { SightingsFact } from "../../src/catalog/sightings.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { writeResting } from "../flow/resting-file.ts"
import { lookedAt, scanned } from "../flow/scan-steps.ts"
import { SeededRandom } from "./kill-random.ts"

const NAMES = ["a", "b", "c", "d/a", "d/b", "e/f/g"]
const STEPS = 250

async function openWatched(): Promise<OpenedStore & { folder: string }> {
  const folder = await temporaryDirectory()
  const opened = await openTestStore({
    backends: {
      photos: { driver: "fs", root: folder, watch: true, scan: { prefix: "", every: "off" } },
      m: { driver: "memory" },
    },
    defaultBackends: ["m"],
  })
  await expect.poll(() => opened.store.getBackend("photos").watch).toMatchObject({ state: "running", error: null })
  return { ...opened, folder }
}

it("files that are written beside their names, renamed over each other, swapped and chained are whole at every moment", async () => {
  const opened = await openWatched()
  const { folder, services, store } = opened
  const { catalog } = services
  const recorded = new Set<string>()
  const commit = catalog.commitSightings.bind(catalog)
  catalog.commitSightings = (fact: SightingsFact) => {
    for (const { found } of fact.sightings) if (found?.id) recorded.add(found.id)
    return commit(fact)
  }
  const random = new SeededRandom(35)
  const whole = new Set<string>()
  const tree = new Map<string, string>()
  for (const below of ["d", "e/f"]) await mkdir(join(folder, below), { recursive: true })
  const move = async (from: string, to: string): Promise<void> => {
    await rename(join(folder, from), join(folder, to))
    tree.set(to, tree.get(from)!)
    tree.delete(from)
  }
  /** The first half lies there for a while; then the rest comes, and the name. */
  const replace = async (key: string, count: number): Promise<void> => {
    const [first, second] = [`begin ${count} ${"x".repeat(random.below(5_000))}`, ` end ${count}`]
    const spare = join(folder, `.${count}.part`)
    await writeFile(spare, first)
    if (random.chance(0.2)) await store.scan("photos")
    await appendFile(spare, second)
    await rename(spare, join(folder, key))
    tree.set(key, first + second)
    whole.add(idOf(first + second))
  }
  for (let count = 0; count < STEPS; count += 1) {
    const [from, to, third] = [random.pick(NAMES), random.pick(NAMES), random.pick(NAMES)]
    const kind = random.next()
    if (kind < 0.5 || !tree.has(from)) await replace(from, count)
    else if (kind < 0.7 && from !== to) await move(from, to)
    else if (kind < 0.85 && tree.has(to) && from !== to) {
      await move(from, "spare")
      await move(to, from)
      await move("spare", to)
    } else if (kind < 0.95 && new Set([from, to, third]).size === 3 && tree.has(to)) {
      await move(to, third)
      await move(from, to)
    } else {
      await rm(join(folder, from))
      tree.delete(from)
    }
  }
  await scanned(opened, "photos", { force: true })
  await scanned(opened, "photos", { force: true })
  for (const id of recorded) expect(whole).toContain(id)
  const known = new Map<string, string>()
  for await (const { key } of store.list()) {
    const { id, state } = catalog.object(key)!
    if (state !== "MISSING") known.set(key, id)
  }
  expect(known).toEqual(new Map([...tree].map(([key, content]) => [key, idOf(content)])))
  for await (const fault of catalog.verify()) expect(fault).toBeNull()
  for (const [key, content] of tree) expect((await readFile(join(folder, key))).toString()).toBe(content)
})

it("files and folders that are renamed, one or many times before somebody looks, have moved: their objects go along", async () => {
  const opened = await openWatched()
  const { folder, store } = opened
  const keys = ["one", "d/a", "d/b", "d/c/a"]
  for (const key of keys) await writeResting(folder, key, `content of ${key}`)
  await scanned(opened, "photos")
  const before = new Map(await Promise.all(keys.map(async (key) => [key, (await store.stat(key))!] as const)))
  const moves: string[] = []
  const all = Promise.withResolvers<void>()
  store.on("move", ({ key, from }) => {
    moves.push(`${from} > ${key}`)
    if (moves.length === keys.length) all.resolve()
  })
  for (const [from, to] of [
    ["one", "two"],
    ["two", "three"],
    ["three", "four"],
    ["d", "e"],
    ["e", "f"],
  ])
    await rename(join(folder, from!), join(folder, to!))
  await all.promise
  await lookedAt(opened, "photos")
  expect(moves.sort()).toEqual(["d/a > f/a", "d/b > f/b", "d/c/a > f/c/a", "one > four"])
  for (const move of moves) {
    const [from = "", to = ""] = move.split(" > ")
    const { id, created } = before.get(from)!
    expect(await store.stat(to)).toMatchObject({ id, created, state: "ACTIVE", locationCount: 1 })
    expect(await store.stat(from)).toBeNull()
  }
})
