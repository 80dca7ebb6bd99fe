/** Staging, journal, jobs that were given up, and what there is. */
import { expect, test } from "vitest"
import { StoredError } from "../../../src/core/error.ts"
import { memoryBackend } from "../../flow/open-store.ts"
import { type FaceUnderTest, keysOf, type OpenFace, text } from "./harness.ts"

/** Backend `b` refuses everything, at once and for good. */
async function withRefusals(open: OpenFace, keys: string[]): Promise<FaceUnderTest> {
  const face = await open()
  memoryBackend(face.opened, "b").intercept = (operation) => {
    if (operation === "put") throw new StoredError("BACKEND_FULL", "It is full.")
  }
  for (const key of keys) await face.store.put(text, { key })
  await face.store.idle()
  return face
}

export function upkeepCases(open: OpenFace): void {
  test("status counts what there is", async () => {
    const { store } = await open()
    await store.put(text, { key: "one" })
    await store.put(text, { key: "two", durability: "all" })
    await store.idle()
    expect(await store.status()).toMatchObject({
      state: "ready",
      objects: 2,
      blobs: 1,
      bytes: text.length,
      syncsCompleted: 4,
      backends: [{ name: "a" }, { name: "b" }],
    })
  })

  test("cache: what is in it, what may go by pattern and by word, and clear", async () => {
    const { store } = await open()
    const { id } = await store.put(text, { key: "k", durability: "all" })
    await store.put(Buffer.from("another"), { key: "l", durability: "all" })
    expect(await store.cache.stats()).toMatchObject({ entries: 2, size: text.length + 7, pinned: 0 })
    expect(await store.cache.evict("sha256:no*")).toEqual({ evicted: 0, bytes: 0 })
    expect(await store.cache.evict({ pattern: `${id.slice(0, 20)}*` })).toEqual({ evicted: 1, bytes: text.length })
    expect(await store.cache.evict("oldest")).toEqual({ evicted: 1, bytes: 7 })
    await store.put(text, { key: "m", durability: "all" })
    expect(await store.cache.clear({ force: true })).toEqual({ evicted: 1, bytes: text.length })
    expect(await store.get("k")).toEqual(text)
  })

  test("cache.clear with force is refused while something is pinned", async () => {
    const { store } = await withRefusals(open, ["k"])
    await expect(store.cache.clear({ force: true })).rejects.toMatchObject({
      code: "LAST_COPY",
      details: { entries: 1 },
    })
  })

  test("the journal has every fact in order, whole or from a sequence on, up to a limit", async () => {
    const { store } = await open()
    for (let index = 0; index < 8; index += 1) await store.put(text, { key: `${index}` })
    await store.idle()
    const all = await Array.fromAsync(store.journal())
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => index + 1))
    expect(all.filter(({ command }) => command === "put").map(({ key }) => key)).toEqual([..."01234567"])
    expect(await Array.fromAsync(store.journal({ after: 3, limit: 2 }))).toEqual(all.slice(3, 5))
    expect(await Array.fromAsync(store.journal({ after: all.length }))).toEqual([])
  })

  test("jobs that were given up are listed with their error, page by page, and go back to work", async () => {
    const { store, opened } = await withRefusals(open, ["1", "2", "3"])
    const jobs = await Array.fromAsync(store.failed())
    expect(jobs.map(({ payload, error }) => [payload, error?.code])).toMatchObject([
      [{ backend: "b", key: "1" }, "BACKEND_FULL"],
      [{ backend: "b", key: "2" }, "BACKEND_FULL"],
      [{ backend: "b", key: "3" }, "BACKEND_FULL"],
    ])
    expect(await Array.fromAsync(store.failed({ limit: 2 }))).toEqual(jobs.slice(0, 2))
    expect(await Array.fromAsync(store.failed({ after: jobs[1]!.sequence }))).toEqual(jobs.slice(2))
    expect(await Array.fromAsync(store.failed({ backend: "a" }))).toEqual([])
    await expect(store.synced("1")).rejects.toMatchObject({ code: "BACKEND_FULL", details: { backend: "b" } })
    memoryBackend(opened, "b").intercept = () => {}
    expect(await store.retry({ key: "1" })).toBe(1)
    await store.synced("1")
    expect(await store.retry()).toBe(2)
    await store.idle()
    expect(await Array.fromAsync(store.failed())).toEqual([])
    expect(await store.retry()).toBe(0)
    await expect(store.retry({ backend: "nowhere" })).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
  })

  test("synced takes some of the backends, or a number of copies", async () => {
    const { store } = await withRefusals(open, ["k"])
    expect(await store.synced("k", { backends: ["a"] })).toMatchObject({ key: "k" })
    expect(await store.synced("k", { copies: 1 })).toMatchObject({ key: "k" })
    await expect(store.synced("k", { copies: 3 })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    await expect(store.synced("k", { backends: ["nowhere"] })).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
    await expect(store.synced("nothing")).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("long lists come whole: pages are nobody's business", async () => {
    const { store } = await open({ backends: { a: { driver: "memory" } } }, { work: false })
    const keys = Array.from({ length: 2_100 }, (_, index) => `k/${String(index).padStart(4, "0")}`)
    await Promise.all(keys.map((key) => store.put(text, { key })))
    expect(await keysOf(store, { prefix: "k/" })).toEqual(keys)
    expect(await keysOf(store, { prefix: "k/", limit: 1_001 })).toEqual(keys.slice(0, 1_001))
    expect(await keysOf(store, { after: "k/2097" })).toEqual(["k/2098", "k/2099"])
    expect(await Array.fromAsync(store.journal({ limit: 1_500 }))).toHaveLength(1_500)
  })
}
