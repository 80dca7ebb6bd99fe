/**
 * People work in folders while the catalog is told of them late, in pieces and out of order, and while copies come and go. Once everything is looked at and
 * every job is done, the catalog says what is there. The seed is printed; STORED_SEED and STORED_RUNS repeat and prolong a run.
 */
import fc from "fast-check"
import { expect, it } from "vitest"
import type { Catalog } from "../../src/catalog/catalog.ts"
import { MemoryCatalog } from "../../src/catalog/memory.ts"
import type { LocationRecord } from "../../src/catalog/record.ts"
import type { SightingsFact } from "../../src/catalog/sightings.ts"
import { isStoredError } from "../../src/core/error.ts"
import { faultsOf, idOf, putFact } from "./catalog.facts.ts"
import { type Folder, World } from "./catalog.world.ts"

const KEYS = ["a", "b", "c"]
const CONTENTS = ["", "1", "22"]
const FOLDERS = ["p", "q"]
const OBJECTS = ["a", "b", "p/a", "p/b", "p/c"]

const key = fc.constantFrom(...KEYS)
const content = fc.constantFrom(...CONTENTS)
const folder = fc.constantFrom(...FOLDERS)
const index = fc.nat(9)

const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ type: fc.constant("write" as const), folder, key, content, anew: fc.boolean() }),
  },
  { weight: 8, arbitrary: fc.record({ type: fc.constant("rename" as const), folder, key, to: key }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("swap" as const), folder, key, to: key }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("unlink" as const), folder, key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("touch" as const), folder, key }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("put" as const),
      object: fc.constantFrom(...OBJECTS),
      content,
      places: fc.subarray(FOLDERS),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("delete" as const),
      object: fc.constantFrom(...OBJECTS),
      only: fc.constantFrom(undefined, undefined, "p", "q"),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ type: fc.constant("work" as const), folder, fails: fc.constantFrom(false, false, true) }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("tell-job" as const), index }) },
  {
    weight: 12,
    arbitrary: fc.record({
      type: fc.constant("look" as const),
      folder,
      keys: fc.subarray(KEYS, { minLength: 1 }),
      read: fc.boolean(),
      page: fc.boolean(),
      at: fc.constantFrom("once" as const, "later" as const),
    }),
  },
  { weight: 6, arbitrary: fc.record({ type: fc.constant("tell-look" as const), index }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("looks" as const), folder }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("hint" as const), folder, key }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("read" as const), folder, key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("retry" as const), byTime: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("evict" as const), content }) },
)
type Command = typeof command extends fc.Arbitrary<infer Each> ? Each : never

const run = fc.record({
  mode: fc.constantFrom("observe" as const, "observe" as const, "enforce" as const),
  /** what was there, and was read, before anything else */
  first: fc.array(fc.record({ folder, key, content }), { maxLength: 6, size: "max" }),
  commands: fc.array(command, { minLength: 1, maxLength: 60, size: "max" }),
})

type Run = typeof run extends fc.Arbitrary<infer Each> ? Each : never

function foldersOf(mode: Folder["mode"]): Folder[] {
  return [
    { name: "p", prefix: "p/", mode: "observe" },
    { name: "q", prefix: "", mode },
  ]
}

/** The last word of the store's users on a key, by the journal. */
type Left = { objects: Map<string, number>; places: Map<string, number> }

/** What a look must leave as it is: where something has moved on since it was planned, and where our own work is under way. */
function untouchable(catalog: Catalog, { backend, sightings }: SightingsFact): LocationRecord[] {
  const working = catalog
    .due(`sync-${backend}`, { now: Number.MAX_SAFE_INTEGER, limit: 100 })
    .map(({ payload }) => payload)
  return sightings.flatMap(({ key, generation }) => {
    const location = catalog.location(backend, key)
    // What becomes of another copy at the same backend may reach this one.
    const copies = location && catalog.object(location.objectKey)?.copies.filter((copy) => copy.backend === backend)
    if (!location || (copies?.length ?? 0) > 1) return []
    const isUnderWay = working.some((payload) => payload.kind === "sync" && payload.key === key)
    return location.generation !== generation || isUnderWay ? [location] : []
  })
}

/** Tells the catalog of a look, which must not bring back what has left since it was planned (I10). */
async function tell(catalog: Catalog, left: Left, fact: SightingsFact): Promise<void> {
  const objects = new Set(Array.from(catalog.objects(), (object) => object.key))
  const places = new Set(Array.from(catalog.locations(fact.backend), (location) => location.key))
  const staying = untouchable(catalog, fact)
  await catalog.commitSightings(fact)
  for (const location of staying) {
    const now = catalog.location(fact.backend, location.key)
    // What is missing need not be brought back once it is seen under another name.
    if (now !== null || location.state !== "missing") expect(now).toEqual(location)
  }
  for (const object of catalog.objects())
    if (!objects.has(object.key) && (left.objects.get(object.key) ?? 0) > fact.asOf)
      expect.fail(`${object.key} came back`)
  for (const location of catalog.locations(fact.backend)) {
    if (places.has(location.key)) continue
    if ((left.places.get(`${fact.backend}/${location.key}`) ?? 0) > fact.asOf) expect.fail(`${location.key} came back`)
  }
}

/** Notes what is gone after a step, and was there before. */
async function noting(catalog: Catalog, left: Left, step: () => Promise<unknown>): Promise<void> {
  const objects = Array.from(catalog.objects(), (object) => object.key)
  const places = FOLDERS.flatMap((name) =>
    Array.from(catalog.locations(name), (location) => [name, location.key] as const),
  )
  await step()
  const now = catalog.lastSequence()
  for (const each of objects) if (!catalog.object(each)) left.objects.set(each, now)
  for (const [name, each] of places) if (!catalog.location(name, each)) left.places.set(`${name}/${each}`, now)
}

async function apply(catalog: Catalog, world: World, left: Left, command: Command): Promise<void> {
  switch (command.type) {
    case "write":
      return world.write(command.folder, command.key, command.content, command.anew)
    case "rename":
      return world.rename(command.folder, command.key, command.to)
    case "swap":
      return world.swap(command.folder, command.key, command.to)
    case "unlink":
      return world.write(command.folder, command.key, null, false)
    case "touch":
      return world.touch(command.folder, command.key)
    case "put": {
      const at = command.object.replace("p/", "")
      const copies = command.places.map((backend) => ({ backend, key: at }))
      const fact = putFact({ key: command.object, content: command.content, copies, time: world.now })
      // The place may be another object's.
      await catalog.commitPut(fact).catch((error: unknown) => {
        if (!isStoredError(error) || error.code !== "CONFLICT") throw error
      })
      return
    }
    case "delete":
      await catalog.commitDelete({
        key: command.object,
        time: world.now,
        ...(command.only && { backends: [command.only] }),
      })
      return
    case "work":
      world.work(command.folder, command.fails)
      return
    case "tell-job":
      return world.tellJob(command.index)
    case "look": {
      const page = { number: 1, cursor: null, isLast: false, files: 0, bytes: 0, skipped: 0, reasons: {} }
      const fact = world.look(command.folder, command.keys, { read: command.read, ...(command.page && { page }) })
      if (command.at === "once") return tell(catalog, left, fact)
      world.looks.push(fact)
      return
    }
    case "tell-look": {
      const [fact] = world.looks.splice(command.index % Math.max(world.looks.length, 1), 1)
      if (fact) await tell(catalog, left, fact)
      return
    }
    case "looks":
      return tell(catalog, left, world.look(command.folder, [...catalog.looks(command.folder)], { read: true }))
    case "hint":
      return catalog.commitLooks(command.folder, [command.key])
    case "read":
      return world.read(command.folder, command.key)
    case "retry":
      await catalog.commitRetry({ limit: 100, time: world.now, ...(command.byTime && { before: world.now + 1 }) })
      return
    case "evict":
      await catalog.commitEvict(idOf(command.content))
  }
}

/** Tells what is left to tell, then scans, looks and works until there is nothing left to do. */
async function settleAll(catalog: Catalog, world: World): Promise<void> {
  for (const fact of world.looks.splice(0)) await catalog.commitSightings(fact)
  while (world.jobs.length > 0) await world.tellJob(0)
  for (let round = 0; round < 20; round += 1) {
    let isBusy = false
    for (const { name } of world.folders) {
      while (world.work(name)) isBusy = true
      while (world.jobs.length > 0) await world.tellJob(0)
      const scanned = await catalog.commitSightings(world.look(name, world.places(name), { read: false }))
      const looks = [...catalog.looks(name)]
      const looked = await catalog.commitSightings(world.look(name, looks, { read: true }))
      // What bears another object's name is looked at in every round.
      for (const { added, changed, missing, moved, mended } of [scanned, looked])
        if (added + changed + missing + moved + mended > 0) isBusy = true
    }
    if (!isBusy) return
  }
  expect.fail("it never comes to rest")
}

/** The catalog says what is there, and nothing else. */
async function expectTrue(catalog: Catalog, world: World): Promise<void> {
  expect(await faultsOf(catalog)).toEqual([])
  expect(catalog.counters()).toMatchObject({ looks: 0 })
  for (const { name, prefix, mode } of world.folders) {
    for (const key of world.files(name).keys()) expectKnown(catalog, world, { name, prefix, mode }, key)
    for (const location of catalog.locations(name)) {
      const there = world.contentAt(name, location.key)
      if (location.have !== null) expect(there === null ? null : idOf(there), location.key).toBe(location.have)
      expect(["synced", "missing", "corrupt", "failed"], location.key).toContain(location.state)
      // What was gone before it was read, nobody knows.
      if (location.state !== "missing") expect(location.want?.startsWith("etag:"), "it was read").toBe(false)
    }
  }
  for (const object of catalog.objects()) {
    const blob = catalog.blob(object.id)!
    expect(object.state, object.key).toBe(blob.staged || blob.synced > 0 ? "ACTIVE" : "MISSING")
    for (const { backend, key } of object.copies)
      expect(catalog.location(backend, key), object.key).toMatchObject({ objectKey: object.key, want: object.id })
  }
}

/** A file is the copy that its place is to hold, unless the place or its name is somebody else's. */
function expectKnown(catalog: Catalog, world: World, { name, prefix, mode }: Folder, key: string): void {
  const id = idOf(world.contentAt(name, key)!)
  const location = catalog.location(name, key)
  if (!location) {
    expect(catalog.object(prefix + key), `${name}/${key} is taken`).not.toBeNull()
    expect(catalog.object(prefix + key)?.id).not.toBe(id)
  } else if (location.found && mode === "observe") expect(location.have, `${name}/${key} is followed`).toBe(id)
  else if (location.have !== id) expect(["corrupt", "failed"], `${name}/${key} is ours`).toContain(location.state)
}

it("says what is there, once everything was looked at", async () => {
  const seed = Number(process.env.STORED_SEED ?? Date.now() % 2 ** 31)
  const check = async ({ mode, first, commands }: Run): Promise<void> => {
    const catalog = new MemoryCatalog()
    await catalog.open()
    const world = new World(catalog, foldersOf(mode), CONTENTS)
    await world.open()
    for (const each of first) world.write(each.folder, each.key, each.content, true)
    for (const name of FOLDERS) await catalog.commitSightings(world.look(name, KEYS, { read: true }))
    const left: Left = { objects: new Map(), places: new Map() }
    for (const each of commands) await noting(catalog, left, () => apply(catalog, world, left, each))
    expect(await faultsOf(catalog)).toEqual([])
    await settleAll(catalog, world)
    await expectTrue(catalog, world)
    await catalog.close()
  }
  await fc.assert(fc.asyncProperty(run, check), { numRuns: Number(process.env.STORED_RUNS ?? 150), seed })
})
