/**
 * Rows 22 to 24: the disk of staging, of the catalog, or of a backend is full or read-only. Puts are refused with a typed error and leave nothing,
 * reads and deletes still work, other backends go on, and when there is room again the work does too.
 */
import { open, readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { TransientAdapterError } from "../../src/core/error.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { bytesOf, codeOf, expectHealthy } from "./store-harness.ts"
import { mountTmpfs, remount } from "./store-tmpfs.ts"

const MiB = 2 ** 20
const ONE = { a: { driver: "memory" } }

function holdBack(opened: OpenedStore): void {
  memoryBackend(opened, "a").intercept = (operation) => {
    if (operation === "put") throw new TransientAdapterError("The backend is away.")
  }
}

/** Puts until one is refused. Returns the keys that were taken and the code of the refusal. */
async function fill({ store }: OpenedStore, size: number, most = 500): Promise<{ keys: string[]; code: string }> {
  const keys: string[] = []
  for (let index = 0; index < most; index += 1) {
    const code = await codeOf(store.put(bytesOf(index, size), { key: `k-${index}` }))
    if (code !== "resolved") return { keys, code }
    keys.push(`k-${index}`)
  }
  throw new Error(`${most} puts of ${size} bytes were all taken`)
}

test.for([
  ["before it is full", "size=8m", MiB, 200_000],
  ["when it is full", "size=4m", 0, 150_000],
  ["when it has no inodes left", "size=64m,nr_inodes=120", 0, 10],
] as const)(
  "staging is refused %s: typed, nothing is left, reads and deletes work, and later puts too",
  async ([, options, minFree, size], context) => {
    const path = await mountTmpfs(context, options)
    const opened = await openTestStore({ cache: { path, minFree, evictionPolicy: "none" }, backends: ONE })
    const { store } = opened
    holdBack(opened)
    const { keys, code } = await fill(opened, size)
    expect(code).toBe("DISK_FULL")
    expect(keys.length).toBeGreaterThan(3)
    expect(await store.has(`k-${keys.length}`)).toBe(false)
    expect(await readdir(join(path, "tmp"))).toEqual([])
    for (const [index, key] of keys.entries())
      expect((await store.get(key)).equals(bytesOf(index, size)), key).toBe(true)
    await store.delete(keys[0]!, { wait: 0 })
    await store.delete(keys[1]!, { wait: 0 })
    expect(await store.has(keys[0]!)).toBe(false)
    memoryBackend(opened, "a").intercept = undefined
    await store.retry()
    for (const key of keys.slice(2)) await store.synced(key)
    await store.idle()
    await store.cache.clear()
    await store.put(bytesOf(9_999, size), { key: "after" })
    await store.synced("after")
    await expectHealthy(opened)
  },
)

test("staging that evicts by itself takes puts for ever, as long as backends take the copies", async (context) => {
  const path = await mountTmpfs(context, "size=8m")
  const opened = await openTestStore({ cache: { path, minFree: MiB }, backends: ONE })
  const { store } = opened
  for (let index = 0; index < 100; index += 1) {
    await store.put(bytesOf(index, 300_000), { key: `k-${index}`, durability: "all" })
  }
  for (const index of [0, 50, 99]) expect((await store.get(`k-${index}`)).equals(bytesOf(index, 300_000))).toBe(true)
  await expectHealthy(opened)
})

test("maxSize: full of bytes that no backend has, a put is refused with the quota and the bytes that wait", async () => {
  const opened = await openTestStore({ cache: { maxSize: 1_000_000 }, backends: ONE })
  const { store } = opened
  holdBack(opened)
  const { keys, code } = await fill(opened, 100_000)
  expect(code).toBe("QUOTA_EXCEEDED")
  await expect(store.put(bytesOf(77, 100_000), { key: "more" })).rejects.toMatchObject({
    code: "QUOTA_EXCEEDED",
    retryable: true,
    details: { limit: 1_000_000, pinned: keys.length * 100_000 },
    message: expect.stringMatching(/\d/),
  })
  expect(keys.length).toBeGreaterThanOrEqual(9)
  memoryBackend(opened, "a").intercept = undefined
  await store.retry()
  for (const key of keys) await store.synced(key)
  await store.put(bytesOf(77, 100_000), { key: "more" })
  await expectHealthy(opened)
})

test("the catalog's disk is full: puts are refused, reads, deletes and evictions still commit, and with room puts do", async (context) => {
  const data = await mountTmpfs(context, "size=40m")
  const filler = join(data, "filler")
  const staging = await temporaryDirectory()
  const opened = await openTestStore({ data, cache: { path: staging }, backends: ONE })
  const { store } = opened
  const metadata = { filler: "x".repeat(40_000) }
  await store.put(bytesOf(1, 50), { key: "evictable", durability: "all" })
  await fillDisk(filler)
  const keys: string[] = []
  let code = "resolved"
  for (let index = 0; code === "resolved" && index < 2_000; index += 1) {
    code = await codeOf(store.put(bytesOf(index, 50), { key: `k-${index}`, metadata }))
    if (code === "resolved") keys.push(`k-${index}`)
  }
  expect(code).toBe("DISK_FULL")
  for (const [index, key] of keys.entries()) expect(await store.get(key)).toEqual(bytesOf(index, 50))
  expect((await store.cache.clear()).evicted).toBeGreaterThan(0)
  for (const key of ["evictable", ...keys]) {
    expect(await codeOf(store.delete(key, { wait: 0 })), key).toBe("resolved")
  }
  expect(store.status().objects).toBe(0)
  await rm(filler)
  await store.put(bytesOf(3, 50), { key: "after", metadata })
  await store.synced("after")
  await expectHealthy(opened)
})

test("the catalog's disk is full of its own rows: a store in that state still reads, deletes and closes", async (context) => {
  const data = await mountTmpfs(context, "size=24m")
  const staging = await temporaryDirectory()
  const opened = await openTestStore({ data, cache: { path: staging }, backends: ONE })
  const { store } = opened
  const metadata = { filler: "x".repeat(40_000) }
  const keys: string[] = []
  let code = "resolved"
  for (let index = 0; code === "resolved" && index < 2_000; index += 1) {
    code = await codeOf(store.put(bytesOf(index, 50), { key: `k-${index}`, metadata }))
    if (code === "resolved") keys.push(`k-${index}`)
  }
  expect(code).toBe("DISK_FULL")
  expect(keys.length).toBeGreaterThan(10)
  for (const [index, key] of keys.entries()) expect(await store.get(key)).toEqual(bytesOf(index, 50))
  for (const key of keys) expect(await codeOf(store.delete(key, { wait: 0 })), key).toBe("resolved")
  expect(store.status().objects).toBe(0)
  await expectHealthy(opened)
  await store.close()
})

/** Takes all that is left of a file system. */
async function fillDisk(path: string): Promise<void> {
  const file = await open(path, "w")
  try {
    const chunk = Buffer.alloc(64 * 1024, 1)
    for (;;) await file.write(chunk)
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC") throw error
  } finally {
    await file.close()
  }
}

async function withSmallDisk(path: string): Promise<OpenedStore> {
  return openTestStore({ backends: { disk: { driver: "fs", root: path }, memory: { driver: "memory" } } })
}

test("a backend's disk is full: its copy is parked with an alarm, the other one is made, and room brings it back", async (context) => {
  const path = await mountTmpfs(context, "size=4m")
  const filler = join(path, "filler")
  await writeFile(filler, Buffer.alloc(3_500_000, 1))
  const opened = await withSmallDisk(path)
  const { store } = opened
  const alarm = new Promise((resolve) => void store.on("sync:error", resolve))
  await store.put(bytesOf(1, MiB), { key: "large" })
  expect(await alarm).toMatchObject({ key: "large", backend: "disk", error: { code: "BACKEND_FULL" } })
  await store.synced("large", { backends: ["memory"] })
  expect([...store.failed({ backend: "disk" })]).toHaveLength(1)
  expect((await readdir(path)).filter((name) => name !== ".stored-tmp")).toEqual(["filler"])
  await store.put(bytesOf(2, 1_000), { key: "small", durability: "all" })
  await rm(filler)
  expect(await store.retry({ backend: "disk" })).toBe(1)
  await store.synced("large")
  expect((await store.get("large", { backend: "disk" })).equals(bytesOf(1, MiB))).toBe(true)
  await expectHealthy(opened)
})

test("a backend's disk turns read-only: parked, readable, others go on, and writable again it is mended", async (context) => {
  const path = await mountTmpfs(context, "size=4m")
  const opened = await withSmallDisk(path)
  const { store } = opened
  await store.put(bytesOf(1, 1_000), { key: "old", durability: "all" })
  await remount(path, "ro")
  const alarm = new Promise((resolve) => void store.on("sync:error", resolve))
  await store.put(bytesOf(2, 1_000), { key: "new" })
  expect(await alarm).toMatchObject({ key: "new", backend: "disk", error: { code: "READ_ONLY" } })
  await store.synced("new", { backends: ["memory"] })
  expect(await store.get("old", { backend: "disk" })).toEqual(bytesOf(1, 1_000))
  const gone = await store.delete("old", { wait: 2_000 })
  expect(gone).toMatchObject({ failed: ["disk"] })
  await remount(path, "rw")
  await store.retry()
  await store.synced("new")
  await store.idle()
  expect((await readdir(path)).filter((name) => name !== ".stored-tmp")).toEqual(["new"])
  await expectHealthy(opened)
})
