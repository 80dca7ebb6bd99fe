/** Content is not read unasked where the backend is set so (`scan.hash: false`, A27), whoever tells of it. */
import type { Readable } from "node:stream"
import { expect, it } from "vitest"
import { bytesSource } from "../../src/store/input-bytes.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { memoryBackend, openTestStore } from "./open-store.ts"
import { lookedAt, scanned } from "./scan-steps.ts"

const LONG_AGO = new Date("2020-01-01T00:00:00Z").getTime()
const LATER = new Date("2021-01-01T00:00:00Z").getTime()

async function open(settings: object = {}) {
  const opened = await openTestStore({
    backends: {
      bucket: { driver: "memory", scan: { every: "off", hash: false }, ...settings },
      b: { driver: "memory" },
    },
    defaultBackends: ["b"],
  })
  const bucket = memoryBackend(opened, "bucket")
  const downloads: string[] = []
  const get = bucket.get.bind(bucket)
  bucket.get = (key, options): Promise<Readable> => {
    downloads.push(key)
    return get(key, options)
  }
  const write = async (key: string, content: string, modified = LONG_AGO): Promise<void> =>
    void (await bucket.put(key, bytesSource(Buffer.from(content)), { modified }))
  const look = async (...keys: string[]): Promise<void> => {
    await opened.store.look("bucket", keys)
    await lookedAt(opened, "bucket")
  }
  const idAt = async (key: string): Promise<string> => (await opened.store.stat(key))!.id
  return { ...opened, bucket, downloads, write, look, idAt }
}

it("what somebody tells of is listed, and no more", async () => {
  const { store, downloads, write, look, idAt } = await open()
  await write("a", "one")
  await look("a")
  const first = await idAt("bucket/a")
  expect(first).toMatch(/^etag:/)
  await write("a", "other", LATER)
  await look("a")
  expect(await idAt("bucket/a")).toMatch(/^etag:/)
  expect(await idAt("bucket/a")).not.toBe(first)
  expect(await store.stat("bucket/a")).toMatchObject({ version: 2, size: 5, state: "ACTIVE" })
  expect(downloads).toEqual([])
})

it("what is known by its content and changes is a new version, known by its listing", async () => {
  const opened = await open()
  const { store, downloads, write, look, idAt } = opened
  await write("a", "one")
  await scanned(opened, "bucket", { hash: true })
  expect(await idAt("bucket/a")).toBe(idOf("one"))
  expect(downloads.splice(0)).toEqual(["a"])
  await scanned(opened, "bucket")
  await write("a", "other", LATER)
  await look("a")
  expect(await idAt("bucket/a")).toMatch(/^etag:/)
  expect(await store.stat("bucket/a")).toMatchObject({ version: 2, state: "ACTIVE" })
  await write("a", "third", LATER + 1_000)
  await scanned(opened, "bucket")
  expect(await store.stat("bucket/a")).toMatchObject({ version: 3, state: "ACTIVE" })
  expect(downloads).toEqual([])
  expect((await store.get("bucket/a")).toString()).toBe("third")
})

it("a scan that is asked to reads, and one that begins meanwhile by itself does not end that", async () => {
  const opened = await open({ scan: { every: "1h", hash: false, rate: "1kB/s" } })
  const { store, services, bucket, downloads, write, idAt } = opened
  await expect.poll(() => store.scanStatus("bucket").state, { timeout: 10_000 }).toBe("done")
  for (const key of ["a", "b"]) await write(key, key)
  const gate = Promise.withResolvers<void>()
  const get = bucket.get.bind(bucket)
  bucket.get = async (key, options) => {
    await gate.promise
    return get(key, options)
  }
  await store.scan("bucket", { hash: true })
  await expect.poll(() => store.scanStatus("bucket"), { timeout: 10_000 }).toMatchObject({ state: "done", looks: 2 })
  await store.scan("bucket")
  expect(services.catalog.scan("bucket")).toMatchObject({ hash: true })
  gate.resolve()
  await lookedAt(opened, "bucket")
  await expect.poll(() => idAt("bucket/b"), { timeout: 10_000 }).toBe(idOf("b"))
  expect(downloads.sort()).toEqual(["a", "b"])
})

it("a copy that StoreD wrote and somebody has touched is read: nothing else tells whether it is good", async () => {
  const { store, downloads, write, look } = await open()
  await store.put(Buffer.from("ours"), { key: "k", backends: ["bucket"], durability: "all" })
  await write("k", "ours", LATER)
  await look("k")
  expect(await store.stat("k")).toMatchObject({ locations: [{ synced: true }] })
  await write("k", "bad!", LATER + 1_000)
  await look("k")
  expect(await store.stat("k")).toMatchObject({ locations: [{ state: "corrupt" }] })
  expect(downloads.length).toBeGreaterThanOrEqual(2)
})

it("what has gone and comes back as it was is what it was", async () => {
  const opened = await open()
  const { store, bucket, downloads, write, idAt } = opened
  const told: unknown[] = []
  store.on("drift", ({ key, state }) => told.push([key, state]))
  for (const key of ["a", "stays"]) await write(key, key)
  await scanned(opened, "bucket", { hash: true })
  downloads.length = 0
  const { etag } = (await bucket.stat("a"))!
  await bucket.delete("a")
  await scanned(opened, "bucket")
  expect(await store.stat("bucket/a")).toMatchObject({ state: "MISSING" })
  await write("a", "a")
  const stat = bucket.stat.bind(bucket)
  const list = bucket.list.bind(bucket)
  bucket.stat = async (key, options) => {
    const state = await stat(key, options)
    return state && key === "a" ? { ...state, etag: etag! } : state
  }
  bucket.list = async function* (options) {
    for await (const entry of list(options)) yield entry.key === "a" ? { ...entry, etag: etag! } : entry
  }
  await scanned(opened, "bucket")
  expect(await store.stat("bucket/a")).toMatchObject({ state: "ACTIVE", locations: [{ synced: true }] })
  expect(await idAt("bucket/a")).toBe(idOf("a"))
  expect(downloads).toEqual([])
  expect(told).toEqual([
    ["bucket/a", "missing"],
    ["bucket/a", "reconciled"],
  ])
})
