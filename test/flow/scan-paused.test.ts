/** Pausing and ending a scan is meant for its reading, too; and what was not read yet is not known to be true (`knownAsOf`). */
import { expect, it } from "vitest"
import type { HashFilesTask } from "../../src/checksums/hash-files.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting } from "./resting-file.ts"
import { lookedAt, scanned } from "./scan-steps.ts"

const KEYS = ["a", "b", "c"]
/** So much that nothing waits, and yet a bound: pages are committed without being read. */
const RATE = "1GB/s"

async function openFolder(): Promise<OpenedStore & { folder: string; directory: string }> {
  const folder = await temporaryDirectory()
  for (const key of KEYS) await writeResting(folder, key, key)
  return { ...(await reopen(folder)), folder }
}

function reopen(folder: string, data?: string): Promise<OpenedStore & { directory: string }> {
  return openTestStore({
    ...(data !== undefined && { data }),
    backends: {
      photos: { driver: "fs", root: folder, scan: { prefix: "", every: "off", rate: RATE } },
      m: { driver: "memory" },
    },
    defaultBackends: ["m"],
  })
}

/** No file is read before the gate is open, or the reading was given up. */
function holdReads({ scanPool }: OpenedStore) {
  const run = scanPool.run.bind(scanPool)
  const gate = Promise.withResolvers<void>()
  const held = { begun: 0, ended: 0, open: gate.resolve }
  scanPool.run = (async (name: string, task: HashFilesTask, options: { signal: AbortSignal }) => {
    held.begun += 1
    const aborted = new Promise<void>((resolve) => options.signal.addEventListener("abort", () => resolve()))
    await Promise.race([gate.promise, aborted])
    held.ended += 1
    return run(name, task, options)
  }) as typeof scanPool.run
  return held
}

/** Listed, and about to be read. */
async function beginReading(opened: OpenedStore): Promise<ReturnType<typeof holdReads>> {
  const held = holdReads(opened)
  await opened.store.scan("photos")
  const reading = { state: "done", looks: 3, reading: 3, knownAsOf: null }
  await expect.poll(() => opened.store.scanStatus("photos"), { timeout: 10_000 }).toMatchObject(reading)
  return held
}

const idsOf = ({ store }: OpenedStore): Promise<string[]> => Array.fromAsync(store.list(), ({ checksum }) => checksum)

it("what is being read is left at once, nothing more is read, and it goes on where it was", async () => {
  const opened = await openFolder()
  const { store } = opened
  const told: string[] = []
  store.on("scan", ({ state }) => told.push(state))
  const held = await beginReading(opened)
  const paused = { state: "paused", listed: true, looks: 3, reading: 0, read: 0, files: 3, knownAsOf: null }
  expect(await store.pauseScan("photos")).toMatchObject(paused)
  expect(held).toMatchObject({ begun: 1, ended: 1 })
  held.open()
  // Somebody tells of a change meanwhile.
  await store.look("photos", ["a"])
  expect(await store.pauseScan("photos")).toMatchObject(paused)
  expect(held.begun).toBe(1)
  expect(await store.scan("photos")).toMatchObject({ state: "done", number: 1 })
  await lookedAt(opened, "photos")
  expect(await idsOf(opened)).toEqual(KEYS.map((key) => idOf(key)))
  const status = store.scanStatus("photos") as Awaited<ReturnType<typeof store.scanStatus>>
  expect(status).toMatchObject({ state: "done", number: 1, looks: 0, read: 3, knownAsOf: status.started })
  expect(status).not.toHaveProperty("listed")
  expect(told).toEqual(["running", "done", "paused", "paused", "done"])
})

it("it is paused still after a restart", async () => {
  const opened = await openFolder()
  await beginReading(opened)
  await opened.store.pauseScan("photos")
  await opened.store.close()
  const again = await reopen(opened.folder, opened.directory)
  const held = holdReads(again)
  await again.store.look("photos", ["a"])
  expect(again.store.scanStatus("photos")).toMatchObject({ state: "paused", listed: true, looks: 3 })
  held.open()
  await again.store.scan("photos")
  await lookedAt(again, "photos")
  expect(held.begun).toBe(1)
})

it("what is cancelled is read by the next scan, and not before", async () => {
  const opened = await openFolder()
  const { store } = opened
  const held = await beginReading(opened)
  expect(await store.cancelScan("photos")).toMatchObject({
    state: "cancelled",
    looks: 0,
    lookBytes: 0,
    knownAsOf: null,
  })
  expect(held).toMatchObject({ begun: 1, ended: 1 })
  held.open()
  await expect(store.cancelScan("photos")).rejects.toMatchObject({ code: "CONFLICT" })
  expect((await idsOf(opened)).every((id) => id.startsWith("etag:"))).toBe(true)
  // A watch goes on to be heard.
  await store.look("photos", ["a"])
  await lookedAt(opened, "photos")
  expect(await store.stat("a")).toMatchObject({ id: idOf("a") })
  expect(await store.stat("b")).toMatchObject({ id: expect.stringMatching(/^etag:/) })
  await scanned(opened, "photos")
  expect(await idsOf(opened)).toEqual(KEYS.map((key) => idOf(key)))
})

it("a backend that is paused is neither listed nor read, and says so, until it is resumed", async () => {
  const opened = await openFolder()
  const { store, services } = opened
  const held = await beginReading(opened)
  await store.pauseBackend("photos")
  expect(held).toMatchObject({ begun: 1, ended: 1 })
  held.open()
  const waits = { code: "PAUSED", message: expect.stringMatching(/"photos" is paused/) }
  expect(store.scanStatus("photos")).toMatchObject({ state: "done", looks: 3, reading: 0, waits })
  let listings = 0
  const { backend } = services.backends.get("photos")
  const list = backend.list.bind(backend)
  backend.list = (options) => {
    listings += 1
    return list(options)
  }
  expect(await store.scan("photos")).toMatchObject({ state: "running", number: 2, waits })
  await services.scans.audit()
  expect([listings, held.begun]).toEqual([0, 1])
  await store.resumeBackend("photos")
  await lookedAt(opened, "photos")
  await expect
    .poll(() => store.scanStatus("photos"), { timeout: 10_000 })
    .toMatchObject({ state: "done", looks: 0, files: 3, waits: null })
  expect(listings).toBe(1)
  expect(await idsOf(opened)).toEqual(KEYS.map((key) => idOf(key)))
})

it("nothing is known to be true while a file is written to that was listed", async () => {
  const opened = await openFolder()
  const { store, services } = opened
  await scanned(opened, "photos")
  const before = services.catalog.scan("photos").knownAsOf
  const { backend } = services.backends.get("photos")
  const [stat, list] = [backend.stat.bind(backend), backend.list.bind(backend)]
  const busy = { size: 5, etag: "busy", now: true }
  const changed = () => ({ size: 5, etag: "busy", modified: services.clock.now() })
  backend.stat = async (key, options) => (key === "b" && busy.now ? changed() : stat(key, options))
  backend.list = async function* (options) {
    for await (const entry of list(options)) yield entry.key === "b" && busy.now ? { key: "b", ...changed() } : entry
  }
  await store.scan("photos")
  await expect.poll(() => store.scanStatus("photos"), { timeout: 10_000 }).toMatchObject({ state: "done", changing: 1 })
  expect(services.catalog.scan("photos")).toMatchObject({ looks: 1, knownAsOf: before })
  busy.now = false
  await lookedAt(opened, "photos")
  const { started, knownAsOf } = services.catalog.scan("photos")
  expect(knownAsOf).toBe(started)
  expect(started).toBeGreaterThan(before!)
})
