/**
 * Copies: a remote read is kept in staging and served from there when its backend is gone (A25); no copy stands in for another unless it was
 * asked to (R7); the last good copy is never dropped (R11); a put can wait for proofs (R9).
 */
import { unlink } from "node:fs/promises"
import { describe, expect, test } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { StoredError, TransientAdapterError } from "../../src/core/error.ts"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { bytesOf, codeOf, createGate, expectHealthy, holdAt, readAll } from "./store-harness.ts"

const away = (): Promise<void> => Promise.reject(new TransientAdapterError("The backend is away."))

/** Makes a memory backend count as remote, so that what is read from it is cached. */
function makeRemote(opened: OpenedStore, name: string): void {
  Object.assign(memoryBackend(opened, name).capabilities, { local: false })
}

describe("remote reads are cached (A25)", () => {
  test.each(["buffer", "stream"])("as %s: the second get works while the backend is down", async (form) => {
    const opened = await openTestStore({ backends: { far: { driver: "memory" } } })
    const { store } = opened
    makeRemote(opened, "far")
    const content = bytesOf(1, 400_000)
    await store.put(content, { key: "k", durability: "all" })
    await store.cache.clear()
    const read = async (): Promise<Buffer> =>
      form === "stream" ? readAll(await store.get("k", { stream: true })) : store.get("k")
    expect((await store.stat("k"))?.staged).toBe(false)
    expect((await read()).equals(content)).toBe(true)
    expect((await store.stat("k"))?.staged).toBe(true)
    memoryBackend(opened, "far").intercept = away
    expect((await read()).equals(content)).toBe(true)
    expect((await store.open("k")).servedFrom).toBe("staging")
    memoryBackend(opened, "far").intercept = undefined
    await expectHealthy(opened)
  })

  test("a copy that does not hash right is neither served whole nor cached, and is mended", async () => {
    const opened = await openTestStore()
    const { store } = opened
    makeRemote(opened, "a")
    const content = bytesOf(2, 400_000)
    await store.put(content, { key: "k", durability: "all" })
    await store.cache.clear()
    const wrong = bytesOf(3, 400_000)
    await memoryBackend(opened, "a").put("k", { size: wrong.length, bytes: wrong, read: () => never() })
    const stream = await store.get("k", { backend: "a", stream: true })
    const seen: Buffer[] = []
    const failure = await (async () => {
      for await (const chunk of stream) seen.push(chunk as Buffer)
    })().catch((error: { code: string }) => error.code)
    expect(failure).toBe("CORRUPT")
    expect(Buffer.concat(seen).length).toBeLessThan(content.length)
    await store.synced("k")
    expect((await store.get("k", { backend: "a" })).equals(content)).toBe(true)
    await expectHealthy(opened)
  })
})

function never(): never {
  throw new Error("the bytes are in memory; nobody reads a stream")
}

describe("no silent fallback (R7)", () => {
  async function withOneDown(): Promise<OpenedStore> {
    const opened = await openTestStore()
    await opened.store.put(bytesOf(1, 1_000), { key: "k", durability: "all" })
    await opened.store.cache.clear()
    memoryBackend(opened, "a").intercept = away
    return opened
  }

  /** A backend that was away lost nothing by it. */
  async function expectHealthyAgain(opened: OpenedStore): Promise<void> {
    memoryBackend(opened, "a").intercept = undefined
    await expectHealthy(opened)
  }

  test("a copy that cannot be read is an error that names the others", async () => {
    const opened = await withOneDown()
    const { store } = opened
    await expect(store.get("k")).rejects.toMatchObject({
      code: "COPY_UNAVAILABLE",
      retryable: true,
      details: { tried: ["a"], others: ["b"] },
    })
    await expect(store.get("k", { backends: ["a"] })).rejects.toMatchObject({ code: "COPY_UNAVAILABLE" })
    await expectHealthyAgain(opened)
  })

  test.each([[true], [["b"]]])("fallback: %j reads the other one and says so", async (fallback) => {
    const down = await withOneDown()
    const { store } = down
    const told = new Promise((resolve) => void store.on("read:fallback", resolve))
    const opened = await store.open("k", { fallback })
    expect(opened.servedFrom).toBe("b")
    expect(await readAll(opened.stream)).toEqual(bytesOf(1, 1_000))
    expect(await told).toMatchObject({ key: "k", backend: "a", servedFrom: "b" })
    await expectHealthyAgain(down)
  })

  test("several backends are tried in the order in which they are named", async () => {
    const opened = await withOneDown()
    const { store } = opened
    expect((await store.open("k", { backends: ["a", "b"] })).servedFrom).toBe("b")
    expect((await store.open("k", { backend: "b" })).servedFrom).toBe("b")
    expect(await codeOf(store.get("k", { fallback: [] }))).toBe("COPY_UNAVAILABLE")
    await expectHealthyAgain(opened)
  })
})

describe("the last copy stays (R11)", () => {
  test("deleting the only copy of an object is refused, and forced only as a delete of the object", async () => {
    const opened = await openTestStore()
    const { store } = opened
    await store.put(bytesOf(1, 100), { key: "k", backends: ["a"], durability: "all" })
    expect(await codeOf(store.delete("k", { backends: ["a"] }))).toBe("LAST_COPY")
    expect(await store.get("k")).toEqual(bytesOf(1, 100))
    await store.delete("k", { backends: ["a"], force: true })
    expect(await store.has("k")).toBe(false)
    await expectHealthy(opened)
  })

  test("another copy counts only if it is seen alive now", async () => {
    const opened = await openTestStore()
    const { store } = opened
    await store.put(bytesOf(1, 100), { key: "k", durability: "all" })
    await store.cache.clear()
    memoryBackend(opened, "b").intercept = away
    expect(await codeOf(store.delete("k", { backends: ["a"] }))).toBe("LAST_COPY")
    memoryBackend(opened, "b").intercept = undefined
    await memoryBackend(opened, "b").delete("k")
    expect(await codeOf(store.delete("k", { backends: ["a"] }))).toBe("LAST_COPY")
    expect(await store.get("k", { backend: "a" })).toEqual(bytesOf(1, 100))
    // Whoever asks for the lost copy has it made again.
    await codeOf(store.get("k", { backend: "b" }))
    await store.synced("k")
    await expectHealthy(opened)
  })

  test("with another copy alive, one copy goes and the object stays", async () => {
    const opened = await openTestStore()
    const { store } = opened
    await store.put(bytesOf(1, 100), { key: "k", durability: "all" })
    await store.cache.clear()
    expect(await store.delete("k", { backends: ["a"] })).toMatchObject({ deleted: ["a"] })
    expect(await memoryBackend(opened, "a").stat("k")).toBeNull()
    expect((await store.stat("k"))?.locations.map((location) => location.backend)).toEqual(["b"])
    expect(await store.get("k")).toEqual(bytesOf(1, 100))
    await expectHealthy(opened)
  })

  test("a backend with the only copy of something is not removed, unless forced", async () => {
    const opened = await openTestStore()
    const { store } = opened
    await store.put(bytesOf(1, 100), { key: "both", durability: "all" })
    await store.put(bytesOf(2, 100), { key: "alone", backends: ["a"], durability: "all" })
    await store.cache.clear()
    await expect(store.removeBackend("a")).rejects.toMatchObject({
      code: "LAST_COPY",
      details: { count: 1, keys: ["alone"] },
    })
    expect(store.listBackends()).toContain("a")
    expect(await store.get("alone")).toEqual(bytesOf(2, 100))
    // Its queue is at work again after the refusal.
    await store.put(bytesOf(3, 100), { key: "later", backends: ["a"], durability: "all" })
    await store.delete("alone")
    await store.delete("later")
    await store.removeBackend("a")
    expect(store.listBackends()).toEqual(["b"])
    expect(await store.get("both")).toEqual(bytesOf(1, 100))
    await expectHealthy(opened)
  })
})

describe("durability (R9)", () => {
  test("copies:2 of three answers when two are proven, and not before", async () => {
    const opened = await openTestStore({
      backends: { a: { driver: "memory" }, b: { driver: "memory" }, c: { driver: "memory" } },
    })
    const { store } = opened
    const gates = { b: createGate(), c: createGate() }
    for (const name of ["b", "c"] as const) memoryBackend(opened, name).intercept = holdAt(gates[name], "put", "k")
    let isAnswered = false
    const put = store.put(bytesOf(1, 100), { key: "k", durability: "copies:2" }).finally(() => {
      isAnswered = true
    })
    await Promise.all([gates.b.reached, gates.c.reached])
    await new Promise<void>((resolve) => {
      const seen = async () => (await store.stat("k"))?.locations.some((location) => location.synced) && resolve()
      store.on("sync:complete", () => void seen())
      void seen()
    })
    expect(isAnswered).toBe(false)
    gates.b.open()
    const record = await put
    const proven = record.locations.filter((location) => location.synced).map((location) => location.backend)
    expect(proven).toEqual(["a", "b"])
    gates.c.open()
    await store.synced("k")
    await expectHealthy(opened)
  })

  test("a copy that is given up fails the put that waits for it; the object is stored all the same", async () => {
    const opened = await openTestStore({}, { retry: { maxAttempts: 2, baseDelay: 1, maxDelay: 2 } })
    memoryBackend(opened, "a").intercept = (operation) => (operation === "put" ? away() : undefined)
    expect(await codeOf(opened.store.put(bytesOf(1, 100), { key: "k", durability: "all" }))).toBe("BACKEND_UNAVAILABLE")
    expect(await opened.store.get("k")).toEqual(bytesOf(1, 100))
    memoryBackend(opened, "a").intercept = undefined
    await opened.store.retry()
    await opened.store.synced("k")
    await expectHealthy(opened)
  })
})

test("a blob that stands under more keys than are listed is read from the good copy of a late one", async () => {
  const opened = await openTestStore({ backends: { a: { driver: "memory" } } })
  const { store, services } = opened
  const keys = Array.from({ length: 130 }, (_, index) => `k-${String(index).padStart(3, "0")}`)
  const good = keys.slice(110)
  memoryBackend(opened, "a").intercept = (operation, key) => {
    if (operation === "put" && !good.includes(key)) throw new StoredError("BACKEND_FULL", "There is no room for it.")
  }
  const content = bytesOf(9, 2_000)
  const { id } = await store.put(content, { key: keys[0]! })
  await Promise.all(keys.map((key) => store.put(content, { key })))
  await store.idle()
  expect([...store.failed()]).toHaveLength(110)
  expect([...services.catalog.locationsOf(id, { limit: 100 })].some(({ state }) => state === "synced")).toBe(false)
  // The staged bytes are lost: only copies can serve, and only those of the last keys are good.
  for await (const { path } of services.staging.list()) await unlink(path)
  const read = await store.open(id)
  expect(read.servedFrom).toBe("a")
  expect((await readAll(read.stream)).equals(content)).toBe(true)
  // The others are mended from it too.
  memoryBackend(opened, "a").intercept = undefined
  expect(await store.retry()).toBe(110)
  await store.synced(keys[0]!)
  await expectHealthy(opened)
})
