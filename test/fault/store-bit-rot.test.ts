/**
 * Row 26: staged bytes go bad on the disk. They are never served as good and never proven on a backend; a copy serves instead where there is
 * one; putting the bytes again heals; the doctor tells, and mends what has a good copy.
 */
import { mkdir, open, readdir, readFile, truncate, unlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { type OpenedStore, runDoctor } from "../../src/compose.ts"
import { TransientAdapterError } from "../../src/core/error.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { SeededRandom } from "./kill-random.ts"
import { bytesOf, codeOf, expectHealthy, readAll, testSeed } from "./store-harness.ts"

const SIZE = 300_000
const DAMAGES: [name: string, damage: (path: string, random: SeededRandom) => Promise<void>][] = [
  ["a flipped bit", flipBit],
  ["a cut end", (path, random) => truncate(path, random.below(SIZE))],
  ["no bytes left", (path) => truncate(path, 0)],
  ["bytes too many", async (path) => writeFile(path, "more", { flag: "a" })],
  ["the file gone", (path) => unlink(path)],
]

async function flipBit(path: string, random: SeededRandom): Promise<void> {
  const bytes = await readFile(path)
  const at = random.below(bytes.length)
  bytes[at] = bytes[at]! ^ (1 << random.below(8))
  await writeFile(path, bytes)
}

async function overwrite(path: string, at: number, byte: number): Promise<void> {
  const file = await open(path, "r+")
  await file.write(Buffer.from([byte]), 0, 1, at)
  await file.close()
}

async function stagedPath({ services }: OpenedStore, id: string): Promise<string> {
  for await (const file of services.staging.list()) if (file.id === id) return file.path
  throw new Error(`${id} is not staged`)
}

describe.each(DAMAGES)("%s", (_name, damage) => {
  test("with proven copies: every read is right or an error, and the next ones are right", async () => {
    const seed = testSeed()
    const random = new SeededRandom(seed)
    const opened = await openTestStore()
    const { store } = opened
    for (let round = 0; round < 10; round += 1) {
      const content = bytesOf(round, SIZE)
      const { id } = await store.put(content, { key: "k", durability: "all" })
      await damage(await stagedPath(opened, id), random)
      const asStream = round % 2 === 0
      const read = asStream ? store.get("k", { stream: true }).then(readAll) : store.get("k")
      const seen = await read.catch((error: { code: string }) => error.code)
      if (typeof seen === "string") expect(seen, `seed ${seed}`).toBe("CORRUPT")
      else expect(seen.equals(content), `seed ${seed}`).toBe(true)
      // A read by stream may have found out only at its end; from then on the copies serve.
      expect((await store.get("k")).equals(content), `seed ${seed}`).toBe(true)
    }
    await expectHealthy(opened)
  })

  test("before any copy was made: no backend is ever proven to hold it, and a put of the bytes heals", async () => {
    const seed = testSeed()
    const opened = await openTestStore()
    const { store } = opened
    const content = bytesOf(1, SIZE)
    for (const name of ["a", "b"])
      memoryBackend(opened, name).intercept = () => Promise.reject(new TransientAdapterError("It is away."))
    const { id } = await store.put(content, { key: "k" })
    await damage(await stagedPath(opened, id), new SeededRandom(seed))
    for (const name of ["a", "b"]) memoryBackend(opened, name).intercept = undefined
    expect(await codeOf(store.synced("k")), `seed ${seed}`).toBe("CORRUPT")
    const metadata = await store.stat("k")
    expect(metadata?.locations.map((location) => location.synced)).toEqual([false, false])
    expect(await codeOf(store.get("k"))).toMatch(/^(CORRUPT|COPY_UNAVAILABLE)$/)
    await store.put(content, { key: "k" })
    await store.synced("k")
    expect(await store.get("k")).toEqual(content)
    await expectHealthy(opened)
  })

  test("putting the same bytes under another key heals the first one too", async () => {
    const opened = await openTestStore()
    const { store } = opened
    const content = bytesOf(2, SIZE)
    const { id } = await store.put(content, { key: "k", durability: "all" })
    await damage(await stagedPath(opened, id), new SeededRandom(testSeed()))
    await store.put(content, { key: "other" })
    for (const name of ["a", "b"]) memoryBackend(opened, name).intercept = () => Promise.reject(new Error("not asked"))
    expect(await store.get("k")).toEqual(content)
    for (const name of ["a", "b"]) memoryBackend(opened, name).intercept = undefined
    await store.retry()
    await store.synced("other")
    await expectHealthy(opened)
  })

  test("the doctor reports it, and mends it from a proven copy", async () => {
    const directory = await temporaryDirectory()
    const root = join(directory, "a")
    await mkdir(root)
    const config = { data: join(directory, "data"), backends: { a: { driver: "fs", root } } }
    const opened = await openTestStore(config)
    const content = bytesOf(3, SIZE)
    const { id } = await opened.store.put(content, { key: "k", durability: "all" })
    const path = await stagedPath(opened, id)
    await opened.store.close()
    await damage(path, new SeededRandom(testSeed()))
    const report = await runDoctor(config)
    expect(report.clean).toBe(false)
    expect(report.findings).toContainEqual(expect.objectContaining({ severity: "fault", subject: id }))
    const mended = await runDoctor(config, { repair: true })
    expect(mended.findings.filter((finding) => finding.severity !== "note")).toEqual([])
    expect(mended).toMatchObject({ clean: true, repaired: 1 })
    expect((await runDoctor(config)).clean).toBe(true)
    const again = await openTestStore(config)
    expect((await again.store.open("k")).servedFrom).toBe("staging")
    expect(await again.store.get("k")).toEqual(content)
  })
})

describe.each(["as a stream", "opened"])("bytes that go bad while they are read, %s", (form) => {
  test("break that stream and are put aside at once; copies serve from then on", async () => {
    const opened = await openTestStore()
    const { store, services } = opened
    // Larger than what is checked before the first byte is given.
    const content = bytesOf(7, 3 * 2 ** 20)
    const { id } = await store.put(content, { key: "k", durability: "all" })
    const path = await stagedPath(opened, id)
    const told = Promise.withResolvers<void>()
    store.on("staging:corrupt", ({ checksum }) => {
      if (checksum === id) told.resolve()
    })
    const stream = form === "opened" ? (await store.open("k")).stream : await store.get("k", { stream: true })
    await overwrite(path, content.length - 1, content.at(-1)! ^ 1)
    await expect(readAll(stream)).rejects.toMatchObject({ code: "CORRUPT" })
    await told.promise
    expect((await store.stat("k"))?.staged).toBe(false)
    expect(await readdir(join(path, "../../../../../quarantine"))).toHaveLength(1)
    expect((await store.open("k")).servedFrom).toBe("a")
    expect((await store.get("k")).equals(content)).toBe(true)
    expect(services.staging.stats().entries).toBe(0)
    await expectHealthy(opened)
  }, 20_000)
})

describe("a put of the same bytes meets somebody who has just found the staged ones bad", () => {
  const content = bytesOf(5, SIZE)
  const ONE = { backends: { a: { driver: "memory" } } }

  async function damaged(damage: (path: string, random: SeededRandom) => Promise<void>): Promise<OpenedStore> {
    const opened = await openTestStore(ONE)
    memoryBackend(opened, "a").intercept = () => Promise.reject(new TransientAdapterError("It is away."))
    const { id } = await opened.store.put(content, { key: "k" })
    await damage(await stagedPath(opened, id), new SeededRandom(testSeed()))
    return opened
  }

  test.each(DAMAGES)(
    "%s, and the put comes between the look and its consequences: its bytes stay",
    async (_name, damage) => {
      const opened = await damaged(damage)
      const { store, services } = opened
      const { staging } = services
      const check = staging.check.bind(staging)
      staging.check = async (id, size, options) => {
        const found = await check(id, size, options)
        staging.check = check
        if (found !== "good") await store.put(content, { key: "again" })
        return found
      }
      // The read finds it bad and looks again; the put of the same bytes comes right after that look.
      await codeOf(store.get("k", { stream: true }).then(readAll))
      await codeOf(store.get("k"))
      expect(await store.get("again")).toEqual(content)
      expect(await store.get("k")).toEqual(content)
      memoryBackend(opened, "a").intercept = undefined
      await store.retry()
      await store.synced("again")
      await expectHealthy(opened)
    },
  )

  test("a job that found no good copy ends after the put: the copy is made all the same", async () => {
    const opened = await damaged((path) => unlink(path))
    const { store, services } = opened
    const backend = memoryBackend(opened, "a")
    backend.intercept = undefined
    const { catalog } = services
    const commitOutcomes = catalog.commitOutcomes.bind(catalog)
    const parking = Promise.withResolvers<void>()
    const again = Promise.withResolvers<void>()
    catalog.commitOutcomes = async (outcomes, time) => {
      if (outcomes.some((outcome) => outcome.result.type === "park")) {
        parking.resolve()
        await again.promise
      }
      return commitOutcomes(outcomes, time)
    }
    await parking.promise
    await store.put(content, { key: "k" })
    again.resolve()
    await store.synced("k")
    await expectHealthy(opened)
  })
})

describe.each(DAMAGES.filter(([name]) => name !== "bytes too many"))("a copy on a backend with %s", (_name, damage) => {
  test("the doctor reports it, and mends it", async () => {
    const directory = await temporaryDirectory()
    const roots = { a: join(directory, "a"), b: join(directory, "b") }
    const config = {
      data: join(directory, "data"),
      backends: { a: { driver: "fs", root: roots.a }, b: { driver: "fs", root: roots.b } },
    }
    const opened = await openTestStore(config)
    const content = bytesOf(4, SIZE)
    await opened.store.put(content, { key: "k", durability: "all" })
    await opened.store.cache.clear()
    await opened.store.close()
    await damage(join(roots.a, "k"), new SeededRandom(testSeed()))
    const report = await runDoctor(config)
    expect(report.findings).toContainEqual(expect.objectContaining({ invariant: "I4", subject: "a/k" }))
    expect((await runDoctor(config, { repair: true })).clean).toBe(true)
    expect((await readFile(join(roots.a, "k"))).equals(content)).toBe(true)
    expect((await runDoctor(config)).clean).toBe(true)
  })
})
