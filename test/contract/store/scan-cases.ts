/** A folder that exists is taken in, what differs from the catalog is told, and what another copy still has is brought back. */
import { mkdir, rm, utimes, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { bytesSource } from "../../../src/store/input-bytes.ts"
import type { DriftEntry, StoreFace } from "../../../src/store/store.ts"
import { memoryBackend, temporaryDirectory } from "../../flow/open-store.ts"
import { idOf } from "../catalog.facts.ts"
import { type FaceUnderTest, heard, keysOf, type OpenFace, text } from "./harness.ts"

/** Times that have long passed: nobody is writing there. */
const BEFORE = new Date("2020-01-01T00:00:00Z")
const LATER = new Date("2021-01-01T00:00:00Z")

type Folder = FaceUnderTest & { folder: string }

/** A folder `photos` beside a memory backend `b`, which new objects go to. */
async function openFolder(open: OpenFace): Promise<Folder> {
  const folder = await temporaryDirectory()
  const backends = { photos: { driver: "fs", root: folder }, b: { driver: "memory" } }
  return { ...(await open({ backends, defaultBackends: ["b"] })), folder }
}

async function write(folder: string, key: string, content: string, time = BEFORE): Promise<void> {
  const path = join(folder, key)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  await utimes(path, time, time)
}

/** Resolves once a scan is no longer under way; asked for before it is begun. */
function ended(store: StoreFace, name: string): Promise<string> {
  return new Promise((resolve) => {
    const stop = store.on("scan", ({ backend, state }) => {
      if (backend !== name || state === "running") return
      stop()
      resolve(state)
    })
  })
}

async function scan({ store }: Pick<Folder, "store">, options = {}, name = "photos"): Promise<string> {
  const end = ended(store, name)
  await store.scan(name, options)
  return end
}

const driftOf = async ({ store }: Pick<Folder, "store">, name = "photos", options = {}): Promise<DriftEntry[]> =>
  Array.fromAsync(store.drift(name, options))

/** The folder is listed only once the test lets it, or the scan is ended. */
function holdListing({ opened }: Folder): { reached: Promise<void>; open(): void } {
  const { backend } = opened.services.backends.get("photos")
  const list = backend.list.bind(backend)
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  backend.list = async function* (options) {
    reached.resolve()
    const aborted = new Promise<void>((resolve) => options?.signal?.addEventListener("abort", () => resolve()))
    await Promise.race([gate.promise, aborted])
    yield* list(options)
  }
  onTestFinished(() => gate.resolve())
  return { reached: reached.promise, open: gate.resolve }
}

export function scanCases(open: OpenFace): void {
  test("a folder is scanned: its files are objects, where they lie", async () => {
    const face = await openFolder(open)
    const { store, folder } = face
    await write(folder, "a.txt", "a")
    await write(folder, "2020/é b.txt", "bb")
    expect(await store.scanStatus("photos")).toMatchObject({ state: "idle", number: 0, knownAsOf: null })
    expect((await store.getBackend("photos")).scan).toBeNull()
    expect(await scan(face)).toBe("done")
    expect(await keysOf(store)).toEqual(["photos/2020/é b.txt", "photos/a.txt"])
    expect((await store.get("photos/2020/é b.txt")).toString()).toBe("bb")
    expect(await store.stat("photos/a.txt")).toMatchObject({ id: idOf("a"), staged: false })
    const status = await store.scanStatus("photos")
    expect(status).toMatchObject({ state: "done", number: 1, files: 2, bytes: 3, added: 2, looks: 0, error: null })
    const seen = { state: "done", files: 2, looks: 0, knownAsOf: status.started }
    expect((await store.getBackend("photos")).scan).toEqual(seen)
    expect((await store.status()).backends.map(({ scan: each }) => each)).toEqual([seen, null])
  })

  test("what a scan finds is told by events, live and from the journal", async () => {
    const face = await openFolder(open)
    const { store, folder } = face
    await write(folder, "a", "before")
    await scan(face)
    const { lastSequence: after } = await store.status()
    await write(folder, "a", "after", LATER)
    await write(folder, "b", "new")
    const [changed, found] = [heard<unknown>(), heard<unknown>()]
    store.on("change", changed.listener)
    store.on("found", found.listener)
    await scan(face)
    const change = { checksum: idOf("after"), key: "photos/a", backend: "photos", version: 2, replaced: idOf("before") }
    const control = new AbortController()
    const past: unknown[] = []
    for await (const { type, data, sequence } of store.events({ after, signal: control.signal })) {
      expect(sequence).toBeGreaterThan(after)
      past.push([type, data])
      if (past.length === 4) control.abort()
    }
    expect(past).toHaveLength(4)
    expect(past).toEqual(
      expect.arrayContaining([
        ["scan", { backend: "photos", state: "running" }],
        ["change", change],
        ["found", { backend: "photos", added: 1 }],
        ["scan", { backend: "photos", state: "done" }],
      ]),
    )
    expect(await changed.first).toEqual(change)
    expect(await found.first).toEqual({ backend: "photos", added: 1 })
    expect([changed.all, found.all]).toMatchObject([{ length: 1 }, { length: 1 }])
  })

  test("a scan is paused, goes on, and is cancelled; nothing is left to pause then", async () => {
    const face = await openFolder(open)
    const { store, folder } = face
    await write(folder, "a", "a")
    const held = holdListing(face)
    expect(await store.scan("photos")).toMatchObject({ state: "running", number: 1 })
    expect(await store.scan("photos")).toMatchObject({ state: "running", number: 1 })
    await held.reached
    expect(await store.pauseScan("photos")).toMatchObject({ state: "paused" })
    expect(await store.scanStatus("photos")).toMatchObject({ state: "paused", files: 0, knownAsOf: null })
    expect(await store.scan("photos")).toMatchObject({ state: "running", number: 1 })
    expect(await store.cancelScan("photos")).toMatchObject({ state: "cancelled" })
    for (const stop of [store.pauseScan, store.cancelScan]) {
      await expect(stop("photos")).rejects.toMatchObject({
        code: "CONFLICT",
        details: { backend: "photos", state: "cancelled" },
      })
    }
    held.open()
    expect(await scan(face)).toBe("done")
    expect(await store.scanStatus("photos")).toMatchObject({ state: "done", number: 2, files: 1 })
  })

  test("content is read or not as asked for, and all of it is missing only by force", async () => {
    const face = await openFolder(open)
    const { store, folder } = face
    await write(folder, "a", "a")
    await scan(face, { hash: false })
    expect((await store.stat("photos/a"))?.id).toMatch(/^etag:/)
    expect(await driftOf(face)).toMatchObject([{ kind: "unread", key: "a", objectKey: "photos/a", healable: false }])
    await scan(face, { hash: true })
    expect((await store.stat("photos/a"))?.id).toBe(idOf("a"))
    await rm(join(folder, "a"))
    expect(await scan(face)).toBe("failed")
    expect(await store.scanStatus("photos")).toMatchObject({ state: "failed", error: { code: "BACKEND_UNAVAILABLE" } })
    expect(await scan(face, { force: true })).toBe("done")
    expect(await store.stat("photos/a")).toMatchObject({ state: "MISSING" })
  })

  test("drift tells what differs, in the order of the keys, and changes nothing", async () => {
    const face = await openFolder(open)
    const { store, folder } = face
    await write(folder, "changes", "before")
    await write(folder, "goes", "gone")
    await write(folder, "stays", "same")
    await scan(face)
    expect(await driftOf(face)).toEqual([])
    const { lastSequence } = await store.status()
    await write(folder, "changes", "after!", LATER)
    await write(folder, "new", "new")
    await rm(join(folder, "goes"))
    const found: DriftEntry[] = [
      {
        kind: "changed",
        key: "changes",
        objectKey: "photos/changes",
        size: 6,
        checksum: idOf("before"),
        healable: false,
      },
      { kind: "missing", key: "goes", objectKey: "photos/goes", size: null, checksum: idOf("gone"), healable: false },
      { kind: "new", key: "new", objectKey: null, size: 3, checksum: null, healable: false },
    ]
    expect(await driftOf(face)).toEqual(found)
    expect(await driftOf(face, "photos", { limit: 2 })).toEqual(found.slice(0, 2))
    expect((await store.status()).lastSequence).toBe(lastSequence)
    expect(
      await driftOf(face, "photos", { signal: AbortSignal.abort() }).catch((error: unknown) => error),
    ).toMatchObject({
      code: "ABORTED",
    })
  })

  test("thousands of differences come whole, and a reader may leave", async () => {
    const face = await openFolder(open)
    const names = Array.from({ length: 1_200 }, (_, index) => `n${String(index).padStart(4, "0")}`)
    await Promise.all(names.map((name) => write(face.folder, name, name)))
    expect((await driftOf(face)).map(({ key }) => key)).toEqual(names)
    for await (const { key } of face.store.drift("photos")) {
      expect(key).toBe("n0000")
      break
    }
  })

  test("a copy that is gone is brought back from another one", async () => {
    const { store, opened } = await open()
    for (const key of ["k", "stays"]) await store.put(text, { key, durability: "all" })
    await memoryBackend(opened, "a").delete("k")
    expect(await driftOf({ store }, "a")).toMatchObject([{ kind: "missing", key: "k", objectKey: "k", healable: true }])
    await scan({ store }, {}, "a")
    await store.heal("a")
    await store.synced("k")
    expect(await memoryBackend(opened, "a").stat("k")).toMatchObject({ size: text.length })
    expect(await driftOf({ store }, "a")).toEqual([])
  })

  test("of found files only those that are asked for are brought back", async () => {
    const { store, opened } = await open({ defaultBackends: ["b"] })
    const a = memoryBackend(opened, "a")
    const keys = ["x", "y", "stays"]
    for (const key of keys) await a.put(key, bytesSource(Buffer.from(key)), { modified: BEFORE.getTime() })
    await scan({ store }, {}, "a")
    // The same content is elsewhere, too.
    for (const key of keys) await store.put(Buffer.from(key), { key: `copy/${key}`, durability: "all" })
    for (const key of ["x", "y"]) await a.delete(key)
    expect(await driftOf({ store }, "a")).toMatchObject([{ healable: true }, { healable: true }])
    await scan({ store }, {}, "a")
    expect(await store.heal("a", { key: "a/x" })).toBe(1)
    await store.synced("a/x")
    expect(await a.stat("x")).toMatchObject({ size: 1 })
    expect(await store.stat("a/y")).toMatchObject({ locations: [{ backend: "a", state: "missing" }] })
    expect(await store.heal("a")).toBe(1)
    await store.synced("a/y")
    expect(await a.stat("y")).toMatchObject({ size: 1 })
    expect(await store.heal("a")).toBe(0)
  })

  test("an unknown backend is neither scanned, nor compared, nor healed", async () => {
    const { store } = await open()
    for (const name of ["nowhere", "../a", "a/scan"]) {
      const calls = {
        scan: () => store.scan(name),
        status: async () => store.scanStatus(name),
        pause: () => store.pauseScan(name),
        cancel: () => store.cancelScan(name),
        drift: () => Array.fromAsync(store.drift(name)),
        heal: () => store.heal(name),
      }
      for (const [verb, call] of Object.entries(calls))
        await expect(call(), `${verb} ${name}`).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
    }
  })

  test("a backend that cannot be listed is told of, before its first difference and behind it", async () => {
    const face = await openFolder(open)
    const { backend } = face.opened.services.backends.get("photos")
    const list = backend.list.bind(backend)
    await Promise.all(Array.from({ length: 600 }, (_, index) => write(face.folder, `n${index}`, "x")))
    let passed = 0
    backend.list = async function* (options) {
      for await (const entry of list(options)) {
        if (passed === 0) throw new Error("the disk is gone")
        passed -= 1
        yield entry
      }
    }
    await expect(driftOf(face)).rejects.toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) })
    passed = 550
    const seen: string[] = []
    const reading = (async () => {
      for await (const { key } of face.store.drift("photos")) seen.push(key)
    })()
    await expect(reading).rejects.toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) })
    expect(seen).toHaveLength(500)
  })
}
