/** A backend that never answers: the others get their copies, puts do not notice, the store closes in time, and the work goes on later. */
import { expect, test } from "vitest"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { bytesOf, expectHealthy, readAll } from "./store-harness.ts"

const never = (): Promise<void> => new Promise(() => {})

test("puts and the other backend are as if nothing were, and the store closes within its deadline", async () => {
  const opened = await openTestStore()
  const { store, directory } = opened
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

  const again = await openTestStore({ data: directory })
  expect(again.store.getBackend("a").pending).toBe(60)
  await again.store.idle()
  for (const key of keys)
    expect((await again.store.stat(key))?.locations[0]).toMatchObject({ synced: true, attempts: 0 })
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
