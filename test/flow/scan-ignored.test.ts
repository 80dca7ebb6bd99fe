/** What patterns of gitignore pass over is no object, whoever tells of it; what StoreD wrote there is still its own (`scan.ignore`). */
import { mkdir, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import type { BackendEntry, WatchListener, WatchOptions } from "../../src/backends/backend.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting as write } from "./resting-file.ts"
import { lookedAt, scanned } from "./scan-steps.ts"

const IGNORE = ["*.tmp", "build/"]

async function openFolder(settings: object = {}, folder?: string): Promise<OpenedStore & { folder: string }> {
  const root = folder ?? (await temporaryDirectory())
  const photos = { driver: "fs", root, ...settings }
  const opened = await openTestStore({ backends: { photos, b: { driver: "memory" } }, defaultBackends: ["b"] })
  return { ...opened, folder: root }
}

const keysOf = ({ store }: Pick<OpenedStore, "store">): Promise<string[]> =>
  Array.fromAsync(store.list(), ({ key }) => key)
const driftOf = ({ store }: Pick<OpenedStore, "store">): Promise<string[]> =>
  Array.fromAsync(store.drift("photos"), ({ kind, key }) => `${kind} ${key}`)

/** Tells of changes as a watch would, and waits until they were looked at. */
function watchedBy(opened: OpenedStore): { listen: WatchListener; options: WatchOptions } {
  const { backend } = opened.services.backends.get("photos")
  const told = {} as { listen: WatchListener; options: WatchOptions }
  backend.watch = async (listen, options) => void Object.assign(told, { listen, options })
  return told
}

it("neither a watch, nor a program that tells of it, nor a notification makes an object of it", async () => {
  const opened = await openFolder({ scan: { every: "off", ignore: IGNORE } })
  const { store, services, folder } = opened
  for (const key of ["a.tmp", "build/out.txt", "kept.txt"]) await write(folder, key, key)
  const told = watchedBy(opened)
  const registered = services.backends.get("photos")
  const { watchBackend } = await import("../../src/store/watch.ts")
  watchBackend(services, Object.assign(registered, { config: { ...registered.config, watch: true } }))
  await expect.poll(() => registered.watch.now?.state, { timeout: 10_000 }).toBe("running")
  const heard: string[] = []
  store.on("watch", ({ key }) => heard.push(key))
  for (const key of ["a.tmp", "build/out.txt", "kept.txt"]) told.listen({ type: "add", key })
  await expect.poll(() => keysOf(opened), { timeout: 10_000 }).toEqual(["photos/kept.txt"])
  expect(heard).toEqual(["kept.txt"])
  expect(["build/", "a.tmp", "kept.txt"].map((path) => told.options.passesOver?.(path))).toEqual([true, true, false])
  expect(await store.look("photos", ["a.tmp", "build/out.txt", "kept.txt"])).toBe(1)
  // One that was asked for before there was the pattern.
  await services.catalog.commitLooks("photos", ["a.tmp", "build/out.txt"])
  services.scans.nudge("photos")
  await lookedAt(opened, "photos")
  expect(await keysOf(opened)).toEqual(["photos/kept.txt"])
  expect(await driftOf(opened)).toEqual([])
})

it("a folder that a pattern passes over is neither read nor watched", async () => {
  const opened = await openFolder({ scan: { every: "off", ignore: IGNORE } })
  const { services, folder } = opened
  await mkdir(join(folder, "build/deep"), { recursive: true })
  for (const key of ["a.txt", "build/1", "build/deep/2", "z/build"]) await write(folder, key, key)
  const { backend } = services.backends.get("photos")
  const list = backend.list.bind(backend)
  const listed: string[] = []
  backend.list = async function* (options): AsyncGenerator<BackendEntry> {
    for await (const entry of list(options)) {
      listed.push(entry.key)
      yield entry
    }
  }
  await scanned(opened, "photos")
  // A file of that name is no folder.
  expect(listed).toEqual(["a.txt", "z/build"])
  expect(opened.store.scanStatus("photos")).toMatchObject({ files: 2, reasons: { ignored: 1 } })
})

it("what was found there before there was the pattern leaves the index with the next scan, and its file stays", async () => {
  const folder = await temporaryDirectory()
  for (const key of ["a.tmp", "build/1", "kept.txt", "gone.tmp"]) await write(folder, key, key)
  const opened = await openFolder({ scan: { every: "off" } }, folder)
  const { store } = opened
  await scanned(opened, "photos")
  await rm(join(folder, "gone.tmp"))
  await scanned(opened, "photos")
  expect((await keysOf(opened)).length).toBe(4)
  await store.setBackend("photos", { driver: "fs", root: folder, scan: { every: "off", ignore: IGNORE } })
  const left: unknown[] = []
  store.on("delete", (data) => left.push(data))
  expect(await driftOf(opened)).toEqual([])
  const after = opened.services.catalog.lastSequence()
  await scanned(opened, "photos")
  expect(await keysOf(opened)).toEqual(["photos/kept.txt"])
  expect(left).toHaveLength(3)
  expect(left[0]).toMatchObject({ key: "photos/a.tmp", backends: ["photos"], ignored: true })
  const control = new AbortController()
  const journalled: unknown[] = []
  for await (const { type, data } of store.events({ after, signal: control.signal })) {
    if (type === "delete") journalled.push(data)
    if (journalled.length === left.length) control.abort()
  }
  expect(journalled).toEqual(left)
  expect(await readFile(join(folder, "a.tmp"), "utf8")).toBe("a.tmp")
  expect(store.scanStatus("photos")).toMatchObject({ missing: 0, looks: 0 })
  // Taken back, they are found again, as new versions of what they were.
  await store.setBackend("photos", { driver: "fs", root: folder, scan: { every: "off" } })
  await scanned(opened, "photos")
  expect(await keysOf(opened)).toEqual(["photos/a.tmp", "photos/build/1", "photos/kept.txt"])
  expect(await store.stat("photos/a.tmp")).toMatchObject({ version: 3 })
})

it("a copy that StoreD wrote is its own: it stays, is only missing where it is gone, and is told of then", async () => {
  const opened = await openFolder({ scan: { every: "off", ignore: IGNORE } })
  const { store, folder } = opened
  await write(folder, "other", "so that something lies there")
  await store.put(Buffer.from("ours"), { key: "ours.tmp", backends: ["photos"], durability: "all" })
  await store.put(Buffer.from("ours, too"), { key: "build/ours", backends: ["photos"], durability: "all" })
  await scanned(opened, "photos")
  expect(await driftOf(opened)).toEqual([])
  expect(await store.stat("ours.tmp")).toMatchObject({ locations: [{ synced: true }] })
  await rm(join(folder, "ours.tmp"))
  await write(folder, "build/ours", "somebody else's")
  expect(await driftOf(opened)).toEqual(["corrupt build/ours", "missing ours.tmp"])
  await scanned(opened, "photos")
  expect(await store.stat("ours.tmp")).toMatchObject({ locations: [{ state: "missing" }] })
  expect(await store.stat("build/ours")).toMatchObject({ locations: [{ state: "corrupt" }] })
})

it("a file of which a copy is being made stays in the index until that is made; the object lives on in the copy", async () => {
  const folder = await temporaryDirectory()
  for (const key of ["a.tmp", "kept.txt"]) await write(folder, key, key)
  const opened = await openFolder({ scan: { prefix: "", every: "off" } }, folder)
  const { store } = opened
  await store.put(Buffer.from("a.tmp"), { key: "a.tmp", durability: "all" })
  await scanned(opened, "photos")
  await store.pauseBackend("b")
  await write(folder, "a.tmp", "another", new Date("2021-01-01T00:00:00Z"))
  await scanned(opened, "photos")
  await store.setBackend("photos", { driver: "fs", root: folder, scan: { prefix: "", every: "off", ignore: IGNORE } })
  await scanned(opened, "photos")
  expect(await store.stat("a.tmp")).toMatchObject({ staged: false, locationCount: 2 })
  await store.resumeBackend("b")
  await store.synced("a.tmp")
  await scanned(opened, "photos")
  expect(await store.stat("a.tmp")).toMatchObject({ locationCount: 1, locations: [{ backend: "b", synced: true }] })
  expect((await store.get("a.tmp")).toString()).toBe("another")
})
