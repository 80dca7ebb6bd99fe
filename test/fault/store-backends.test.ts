/** Backends come and go while work is under way (A10, A11): no put fails that does not name a gone one, no job is left behind. */
import { expect, test } from "vitest"
import type { MemoryBackend } from "../../src/backends/memory.ts"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { bytesOf, codeOf, createGate, expectHealthy } from "./store-harness.ts"

test("a backend is added and removed, again and again, under the puts of eight clients", async () => {
  const opened = await openTestStore({ defaultBackends: ["a", "b"] })
  const { store, services } = opened
  let isOver = false
  const codes = new Set<string>()
  const stored = new Map<string, Buffer>()
  const client = async (number: number): Promise<void> => {
    for (let index = 0; !isOver; index += 1) {
      const key = `${number}-${index % 7}`
      const content = bytesOf(number * 1000 + index, 800)
      const backends = index % 2 === 0 ? ["a", "b", "c"] : ["a", "b"]
      const code = await codeOf(store.put(content, { key, backends }))
      codes.add(code)
      if (code === "resolved") stored.set(key, content)
    }
  }
  const clients = Array.from({ length: 8 }, (_, number) => client(number))
  for (let round = 0; round < 6; round += 1) {
    await store.addBackend("c", { driver: "memory" })
    await new Promise<void>((resolve) => {
      const stop = store.on("sync:complete", ({ backend }) => {
        if (backend !== "c") return
        stop()
        resolve()
      })
    })
    await store.removeBackend("c", { force: round % 2 === 0 })
    expect(store.listBackends()).toEqual(["a", "b"])
  }
  isOver = true
  await Promise.all(clients)
  expect([...codes].filter((code) => !["resolved", "UNKNOWN_BACKEND", "CONFLICT"].includes(code))).toEqual([])
  for (const [key, content] of stored) expect((await store.get(key)).equals(content), key).toBe(true)
  await store.idle()
  expect(services.catalog.queues().filter(({ queue, due, parked }) => queue === "sync-c" && due + parked > 0)).toEqual(
    [],
  )
  expect([...services.catalog.locations("c")]).toEqual([])
  await expectHealthy(opened)
})

test("a backend is removed while a sync to it hangs: the removal ends, and the hanging job changes nothing", async () => {
  const opened = await openTestStore()
  const { store, services } = opened
  const gate = createGate()
  const removed: MemoryBackend = memoryBackend(opened, "a")
  removed.intercept = (operation) => (operation === "put" ? gate.pass() : undefined)
  await store.put(bytesOf(1, 100), { key: "k" })
  await gate.reached
  await store.removeBackend("a")
  gate.open()
  await store.idle()
  expect(services.catalog.location("a", "k")).toBeNull()
  expect((await store.stat("k"))?.locations.map((location) => location.backend)).toEqual(["b"])
  await expectHealthy(opened)
})

test("while the copies elsewhere are counted, a backend that is being removed gets no more puts", async () => {
  const opened = await openTestStore({ defaultBackends: ["a", "b"] })
  const { store } = opened
  await store.put(bytesOf(1, 100), { key: "k", durability: "all" })
  // Staged bytes would do for the copies that are left.
  expect(await store.cache.clear()).toMatchObject({ evicted: 1 })
  const gate = createGate()
  memoryBackend(opened, "b").intercept = (operation) => (operation === "stat" ? gate.pass() : undefined)
  const removal = store.removeBackend("a")
  await Promise.race([gate.reached, removal.then(() => expect.fail("no copy was looked at"))])
  expect(await codeOf(store.put(bytesOf(2, 100), { key: "named", backends: ["a"] }))).toBe("CONFLICT")
  expect(await store.has("named")).toBe(false)
  const other = await store.put(bytesOf(3, 100), { key: "other" })
  expect(other.locations.map(({ backend }) => backend)).toEqual(["b"])
  gate.open()
  await removal
  await store.idle()
  expect(store.listBackends()).toEqual(["b"])
  await expectHealthy(opened)
})

test("a backend that was added is there after a restart, and its jobs go on", async () => {
  const first = await openTestStore({ backends: { a: { driver: "memory" } } })
  await first.store.addBackend("c", { driver: "memory" })
  memoryBackend(first, "c").intercept = () => new Promise(() => {})
  await first.store.put(bytesOf(1, 100), { key: "k", backends: ["a", "c"] })
  await first.store.synced("k", { backends: ["a"] })
  await first.store.close({ deadline: 50 })
  const second = await openTestStore({ data: first.directory, backends: { a: { driver: "memory" } } })
  expect(second.store.listBackends().toSorted()).toEqual(["a", "c"])
  await second.store.synced("k", { backends: ["c"] })
  expect(await memoryBackend(second, "c").stat("k")).not.toBeNull()
  // The memory of `a` went with the first process.
  await second.store.put(bytesOf(2, 100), { key: "k", backends: ["a", "c"], durability: "all" })
  await expectHealthy(second)
})
