/** A backend that never answers: the others get their copies, puts do not notice, the store closes in time, and the work goes on later. */
import { join } from "node:path"
import { expect, test } from "vitest"
import { memoryBackend, openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { bytesOf, expectHealthy, readAll } from "./store-harness.ts"

const never = (): Promise<void> => new Promise(() => {})

test("puts and the other backend are as if nothing were, and the store closes within its deadline", async () => {
  const directory = await temporaryDirectory()
  const backends = { a: { driver: "memory" }, b: { driver: "fs", root: join(directory, "b") } }
  const config = { data: join(directory, "data"), backends }
  const opened = await openTestStore(config)
  const { store } = opened
  memoryBackend(opened, "a").intercept = never
  const keys = Array.from({ length: 60 }, (_, index) => `k-${index}`)
  await Promise.all(keys.map((key, index) => store.put(bytesOf(index, 2_000), { key })))
  await Promise.all(keys.map((key) => store.synced(key, { backends: ["b"] })))
  const status = store.status()
  expect(status.queues.find((queue) => queue.queue === "sync-a")?.running).toBe(8)
  expect(store.getBackend("a").pending).toBe(60)
  expect(store.getBackend("b").pending).toBe(0)
  expect(await store.get("k-7")).toEqual(bytesOf(7, 2_000))

  const begun = performance.now()
  await store.close({ deadline: 300 })
  expect(performance.now() - begun, "300 ms, and what a busy machine adds").toBeLessThan(3_000)

  const still = await openTestStore(config, { work: false })
  expect(still.store.getBackend("a").pending).toBe(60)
  await still.store.close()
  const again = await openTestStore(config)
  await again.store.idle()
  for (const key of keys)
    expect((await again.store.stat(key))?.locations[0]).toMatchObject({ synced: true, attempts: 0 })
  await expectHealthy(again)
})

test("a put that waits for copies can be ended by its caller; what was staged stays", async () => {
  const opened = await openTestStore()
  memoryBackend(opened, "a").intercept = never
  const control = new AbortController()
  opened.store.on("sync:complete", () => control.abort())
  await expect(
    opened.store.put(bytesOf(1, 100), { key: "k", durability: "all", signal: control.signal }),
  ).rejects.toMatchObject({ code: "ABORTED" })
  expect(await opened.store.get("k")).toEqual(bytesOf(1, 100))
  await opened.store.close({ deadline: 100 })
  const again = await openTestStore({ data: opened.directory })
  expect(await again.store.get("k")).toEqual(bytesOf(1, 100))
  // Memory backends forget; the doctor looks at copies of a new version.
  await again.store.put(bytesOf(2, 100), { key: "k", durability: "all" })
  await expectHealthy(again)
})

test("a delete answers with the copy as pending", async () => {
  const opened = await openTestStore()
  const { store } = opened
  await store.put(bytesOf(1, 100), { key: "k", durability: "all" })
  memoryBackend(opened, "a").intercept = never
  const result = await store.delete("k", { wait: 50 })
  expect(result).toMatchObject({ pending: ["a"], deleted: ["b"], failed: [] })
  expect(await store.has("k")).toBe(false)
  await store.close({ deadline: 100 })
  const again = await openTestStore({ data: opened.directory })
  await expectHealthy(again)
  expect(again.store.getBackend("a").pending).toBe(0)
})

test("a read that a backend never answers ends with the caller's signal, and fallback is not asked for it", async () => {
  const opened = await openTestStore()
  const { store } = opened
  await store.put(bytesOf(1, 100), { key: "k", durability: "all" })
  await store.cache.clear()
  memoryBackend(opened, "a").intercept = never
  const control = new AbortController()
  const read = store.get("k", { backend: "a", signal: control.signal })
  control.abort()
  await expect(read).rejects.toMatchObject({ code: "ABORTED" })
  expect(await store.get("k", { backend: "b" })).toEqual(bytesOf(1, 100))
  memoryBackend(opened, "a").intercept = undefined
  expect(await readAll(await store.get("k", { stream: true }))).toEqual(bytesOf(1, 100))
  await expectHealthy(opened)
})
