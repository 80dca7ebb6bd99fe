/** Folders that exist already are taken in, followed, and told the truth about. */
import { rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import type { StoreEventName } from "../../src/core/event.ts"
import type { DriftEntry } from "../../src/store/store.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting as write } from "./resting-file.ts"
import { lookedAt, scanned } from "./scan-steps.ts"

async function openFolder(settings: object = {}): Promise<OpenedStore & { folder: string }> {
  const folder = await temporaryDirectory()
  const opened = await openTestStore({
    // Nothing is scanned that the test has not asked for.
    backends: { photos: { driver: "fs", root: folder, scan: { every: "off" }, ...settings }, b: { driver: "memory" } },
    defaultBackends: ["b"],
  })
  return { ...opened, folder }
}

const scan = (opened: OpenedStore, options = {}): Promise<void> => scanned(opened, "photos", options)

async function keysOf({ store }: Pick<OpenedStore, "store">): Promise<Record<string, string>> {
  const keys: Record<string, string> = {}
  for await (const { key, checksum } of store.list()) keys[key] = checksum
  return keys
}

async function driftOf({ store }: Pick<OpenedStore, "store">): Promise<Pick<DriftEntry, "kind" | "key">[]> {
  const found = []
  for await (const { kind, key } of store.drift("photos")) found.push({ kind, key })
  return found
}

function next({ store }: Pick<OpenedStore, "store">, name: StoreEventName): Promise<unknown> {
  return new Promise((resolve) => {
    const stop = store.on(name, (data) => {
      stop()
      resolve(data)
    })
  })
}

describe("scan of a folder", () => {
  it("takes in what lies there, where it lies", async () => {
    const opened = await openFolder()
    await write(opened.folder, "a.txt", "a")
    await write(opened.folder, "2020/b.txt", "b")
    await write(opened.folder, "2020/empty", "")
    await scan(opened)
    expect(await keysOf(opened)).toEqual({
      "photos/a.txt": idOf("a"),
      "photos/2020/b.txt": idOf("b"),
      "photos/2020/empty": idOf(""),
    })
    expect((await opened.store.get("photos/2020/b.txt")).toString()).toBe("b")
    expect(await opened.store.stat("photos/a.txt")).toMatchObject({
      mimeType: "text/plain",
      staged: false,
      locations: [{ backend: "photos", key: "a.txt", synced: true }],
    })
    expect(opened.store.scanStatus("photos")).toMatchObject({ state: "done", files: 3, bytes: 2, added: 3, looks: 0 })
  })

  it("reads nothing twice", async () => {
    const opened = await openFolder()
    await write(opened.folder, "a.txt", "a")
    await scan(opened)
    const before = opened.services.catalog.lastSequence()
    await scan(opened)
    const told = [...opened.services.catalog.journal({ after: before })].map(({ command, detail }) => [
      command,
      detail.step,
    ])
    expect(told).toEqual([
      ["scan", "start"],
      ["found", undefined],
      ["scan", "done"],
    ])
  })

  it("follows files that change, move and go", async () => {
    const opened = await openFolder()
    await write(opened.folder, "changes", "before")
    await write(opened.folder, "moves", "moved")
    await write(opened.folder, "goes", "gone")
    await scan(opened)
    await write(opened.folder, "changes", "after", new Date("2021-01-01T00:00:00Z"))
    await rename(join(opened.folder, "moves"), join(opened.folder, "moved"))
    await rm(join(opened.folder, "goes"))
    expect(await driftOf(opened)).toEqual([
      { kind: "changed", key: "changes" },
      { kind: "missing", key: "goes" },
      { kind: "new", key: "moved" },
      { kind: "missing", key: "moves" },
    ])
    await scan(opened)
    expect(await keysOf(opened)).toEqual({
      "photos/changes": idOf("after"),
      "photos/goes": idOf("gone"),
      "photos/moved": idOf("moved"),
    })
    expect(await opened.store.stat("photos/changes")).toMatchObject({ version: 2, state: "ACTIVE" })
    expect(await opened.store.stat("photos/goes")).toMatchObject({
      state: "MISSING",
      locations: [{ state: "missing" }],
    })
    // What is known to be gone is told until it is back, or somebody gives it up.
    expect(await driftOf(opened)).toEqual([{ kind: "missing", key: "goes" }])
  })

  it("gives objects that were only listed, and learns their ids from that", async () => {
    const opened = await openFolder({ scan: { every: "off", hash: false } })
    await write(opened.folder, "a.txt", "content")
    await scan(opened)
    expect((await opened.store.stat("photos/a.txt"))?.id).toMatch(/^etag:/)
    expect((await opened.store.get("photos/a.txt")).toString()).toBe("content")
    expect((await opened.store.stat("photos/a.txt"))?.id).toBe(idOf("content"))
  })

  it("takes nothing for missing where nothing at all lies there", async () => {
    const opened = await openFolder()
    await write(opened.folder, "a.txt", "a")
    await scan(opened)
    await rm(join(opened.folder, "a.txt"))
    await scan(opened)
    expect(opened.store.scanStatus("photos")).toMatchObject({ state: "failed", error: { code: "BACKEND_UNAVAILABLE" } })
    expect(await opened.store.stat("photos/a.txt")).toMatchObject({ state: "ACTIVE" })
    await scan(opened, { force: true })
    expect(await opened.store.stat("photos/a.txt")).toMatchObject({ state: "MISSING" })
  })
})

describe("watch of a folder", () => {
  it("takes in what is written there", async () => {
    const opened = await openFolder({ watch: true, scan: {} })
    await next(opened, "scan")
    const found = next(opened, "found")
    await write(opened.folder, "new.txt", "new")
    await found
    await lookedAt(opened, "photos")
    expect(await keysOf(opened)).toEqual({ "photos/new.txt": idOf("new") })
  })
})

describe("a folder that is added while the store runs", () => {
  it("is observed where something lies in it, and nothing is put there unasked", async () => {
    const full = await temporaryDirectory()
    const empty = await temporaryDirectory()
    await write(full, "a.txt", "a")
    const { store } = await openTestStore({})
    expect(await store.addBackend("full", { driver: "fs", root: full })).toMatchObject({
      config: { mode: "observe" },
      isDefault: false,
    })
    expect(await store.addBackend("empty", { driver: "fs", root: empty })).toMatchObject({ isDefault: true })
    await store.put(Buffer.from("x"), { key: "x" })
    const backends = (await store.stat("x"))?.locations.map(({ backend }) => backend)
    expect(backends?.sort()).toEqual(["a", "b", "empty"])
    await store.put(Buffer.from("y"), { key: "y", backends: ["full"] })
    expect(await store.synced("y")).toMatchObject({ locationCount: 1 })
  })
})
