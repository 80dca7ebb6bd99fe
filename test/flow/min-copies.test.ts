/** R11: before a copy, a backend or staged bytes go, `minCopies` others must be shown by their backends at that moment; who forces is on record. */
import { describe, expect, onTestFinished, test } from "vitest"
import type { MemoryOperation } from "../../src/backends/memory.ts"
import type { OpenedStore } from "../../src/compose.ts"
import { TransientAdapterError } from "../../src/core/error.ts"
import { bytesOf, codeOf, createGate, expectHealthy, holdAt, openBehind } from "../fault/store-harness.ts"
import { memoryBackend, openTestStore } from "./open-store.ts"

const content = bytesOf(1, 500)
const memory = { driver: "memory" }

async function withThree(minCopies: number): Promise<OpenedStore> {
  const opened = await openTestStore({ minCopies, backends: { a: memory, b: memory, c: memory } })
  await opened.store.put(content, { key: "k", durability: "all" })
  return opened
}

/** The journal's last record of a command. */
function lastOf({ store }: OpenedStore, command: string) {
  return [...store.journal()].findLast((record) => record.command === command)
}

describe("deleting one copy", () => {
  test("is refused where fewer than minCopies others are seen, and changes nothing", async () => {
    const opened = await withThree(2)
    const { store } = opened
    await store.cache.clear()
    await memoryBackend(opened, "c").delete("k")
    await expect(store.delete("k", { backends: ["a"] })).rejects.toMatchObject({
      code: "LAST_COPY",
      details: { copies: 1, minCopies: 2 },
    })
    expect(await store.get("k", { backend: "a" })).toEqual(content)
    // The look found a copy missing, and had it made again.
    await store.synced("k")
    expect(await store.cache.clear()).toEqual({ evicted: 1, bytes: 500 })
    expect(await store.delete("k", { backends: ["a"] })).toMatchObject({ deleted: ["a"] })
    expect(await codeOf(store.delete("k", { backends: ["b"] }))).toBe("LAST_COPY")
    await expectHealthy(opened)
  })

  test("counts the staged bytes as one copy, while they are really there", async () => {
    const opened = await withThree(2)
    const { store, services } = opened
    await store.delete("k", { backends: ["a"] })
    expect(await store.delete("k", { backends: ["b"] })).toMatchObject({ deleted: ["b"] })
    const { id } = (await store.stat("k"))!
    expect(await store.cache.clear(), "they are the second copy now").toEqual({ evicted: 0, bytes: 0 })
    expect(await services.staging.check(id, content.length)).toBe("good")

    const other = await withThree(2)
    await other.store.delete("k", { backends: ["a"] })
    await other.services.staging.remove(id)
    expect(await codeOf(other.store.delete("k", { backends: ["b"] }))).toBe("LAST_COPY")
  })

  test("waits for an eviction that counts on that copy, so that not both go", async () => {
    const opened = await openTestStore()
    const { store } = opened
    await store.put(content, { key: "k", durability: "all" })
    await memoryBackend(opened, "b").delete("k")
    const gate = createGate()
    onTestFinished(() => gate.open())
    memoryBackend(opened, "a").intercept = holdAt(gate, "stat", "k")
    const evicting = store.cache.clear()
    await gate.reached
    const deleting = codeOf(store.delete("k", { backends: ["a"], wait: 0 }))
    // Whatever the delete can do without the eviction's end, it does now.
    await openBehind(gate, deleting)
    expect([await deleting, await evicting]).toEqual(["LAST_COPY", { evicted: 1, bytes: 500 }])
    expect(await store.get("k")).toEqual(content)
  })
})

describe("removing a backend", () => {
  test("is refused where fewer than minCopies others are seen, with the number of objects", async () => {
    const opened = await withThree(2)
    const { store } = opened
    await store.cache.clear()
    await store.removeBackend("c")
    await expect(store.removeBackend("b")).rejects.toMatchObject({
      code: "LAST_COPY",
      details: { backend: "b", count: 1, keys: ["k"], minCopies: 2 },
    })
    expect(store.listBackends()).toEqual(["a", "b"])
    await expectHealthy(opened)
  })
})

describe("eviction", () => {
  test("asks the backends first: a copy that is gone keeps the staged bytes, and is made again from them", async () => {
    const opened = await openTestStore({ backends: { a: memory } })
    const { store } = opened
    await store.put(content, { key: "k", durability: "all" })
    await memoryBackend(opened, "a").delete("k")
    expect(await store.cache.clear()).toEqual({ evicted: 0, bytes: 0 })
    expect(await store.get("k")).toEqual(content)
    await store.synced("k")
    expect(await store.cache.clear()).toEqual({ evicted: 1, bytes: 500 })
    expect(await store.get("k")).toEqual(content)
    await expectHealthy(opened)
  })

  test("leaves what fewer backends hold than minCopies says, by whichever word it is asked", async () => {
    const opened = await withThree(2)
    const { store } = opened
    await store.put(bytesOf(2, 700), { key: "alone", backends: ["a"], durability: "all" })
    for (const what of ["all", "oldest", "sha256:*"]) await store.cache.evict(what)
    expect((await store.stat("alone"))?.staged).toBe(true)
    expect((await store.stat("k"))?.staged).toBe(false)
  })

  test("asks a backend that does not answer once, not for every blob", async () => {
    const opened = await openTestStore({ backends: { a: memory } })
    const { store } = opened
    for (let index = 0; index < 20; index += 1) await store.put(bytesOf(index, 50), { key: `${index}` })
    await store.idle()
    let asked = 0
    memoryBackend(opened, "a").intercept = (operation: MemoryOperation) => {
      if (operation === "stat") asked += 1
      throw new TransientAdapterError("away")
    }
    expect(await store.cache.clear()).toEqual({ evicted: 0, bytes: 0 })
    expect(asked).toBe(1)
    expect(store.cache.stats().entries).toBe(20)
  })

  test("lets go of the bytes of deleted objects without asking anybody", async () => {
    const opened = await openTestStore({ backends: { a: memory } })
    const { store } = opened
    await store.put(content, { key: "k", durability: "all" })
    await store.delete("k")
    await store.idle()
    expect(store.cache.stats().entries).toBe(0)
  })
})

describe("force", () => {
  test("of a delete is in the journal, with who asked", async () => {
    const opened = await withThree(3)
    await opened.store.delete("k", { backends: ["a"], force: true, principal: "ann", requestId: "r1" })
    expect(lastOf(opened, "delete")).toMatchObject({
      principal: "ann",
      requestId: "r1",
      detail: { backends: ["a"], forced: true },
    })
    await opened.store.delete("k", { principal: "ben" })
    expect(lastOf(opened, "delete")?.detail).not.toHaveProperty("forced")
  })

  test("of a removal is in the journal, with who asked", async () => {
    const opened = await withThree(3)
    await opened.store.removeBackend("a", { force: true, principal: "ann" })
    expect(lastOf(opened, "backend-remove")).toMatchObject({
      backend: "a",
      principal: "ann",
      detail: { forced: true },
    })
  })

  test("of cache.clear drops without a look what is not pinned, and is in the journal", async () => {
    const opened = await openTestStore({ minCopies: 2, backends: { a: memory } })
    const { store } = opened
    await store.put(content, { key: "k", durability: "all" })
    expect(await store.cache.clear()).toEqual({ evicted: 0, bytes: 0 })
    expect(await store.cache.clear({ force: true })).toEqual({ evicted: 1, bytes: 500 })
    expect(lastOf(opened, "evict")).toMatchObject({ detail: { forced: true } })
    expect(await store.get("k")).toEqual(content)
    await expectHealthy(opened)
  })

  test("of cache.clear is refused while anything is pinned, and then drops nothing", async () => {
    const opened = await openTestStore({ backends: { a: memory } })
    const { store } = opened
    await store.put(content, { key: "proven", durability: "all" })
    const gate = createGate()
    onTestFinished(() => gate.open())
    memoryBackend(opened, "a").intercept = holdAt(gate, "put", "pinned")
    await store.put(bytesOf(2, 300), { key: "pinned" })
    await expect(store.cache.clear({ force: true })).rejects.toMatchObject({
      code: "LAST_COPY",
      details: { entries: 1, bytes: 300 },
    })
    expect(store.cache.stats().entries).toBe(2)
    gate.open()
    await store.synced("pinned")
    expect(await store.cache.clear({ force: true })).toEqual({ evicted: 2, bytes: 800 })
  })
})
