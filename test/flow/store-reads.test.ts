/** Reads from copies that are not what they should be, and races between verbs that look before they act. */
import { createHash } from "node:crypto"
import { Readable } from "node:stream"
import { describe, expect, test } from "vitest"
import type { Store } from "../../src/index.ts"
import { memoryBackend, openTestStore } from "./open-store.ts"

const bytes = (size: number, fill: number): Buffer => Buffer.alloc(size, fill)
const sourceOf = (content: Buffer) => ({ size: content.length, bytes: content, read: () => Readable.from([content]) })

/** An object that is proven on both backends and no longer staged. */
async function openWithCopies(content: Buffer) {
  const opened = await openTestStore()
  await opened.store.put(content, { key: "k", durability: "all" })
  await opened.store.cache.clear()
  expect((await opened.store.stat("k"))?.staged).toBe(false)
  return opened
}

describe("a copy that was changed behind our back", () => {
  test.each([
    ["longer", 900_000],
    ["shorter", 300_000],
  ])("is never read as a whole one where it is %s, as stream, Buffer or range", async (_name, size) => {
    const opened = await openWithCopies(bytes(600_000, 1))
    const { store } = opened
    for (const name of ["a", "b"]) await memoryBackend(opened, name).put("k", sourceOf(bytes(size, 1)))
    const range = { start: 100_000, end: 600_000 }
    await expect(store.get("k", { range, backend: "a" })).rejects.toMatchObject({ code: "CORRUPT" })
    await expect(store.get("k", { backend: "b" })).rejects.toMatchObject({ code: "CORRUPT" })
  })

  test("is replaced by another with fallback, also for a Buffer, and mended", async () => {
    const opened = await openWithCopies(bytes(10_000, 1))
    await memoryBackend(opened, "a").put("k", sourceOf(bytes(10_000, 2)))
    expect(await opened.store.get("k", { backend: "a", fallback: true })).toEqual(bytes(10_000, 1))
    await opened.store.idle()
    const healed = await (await memoryBackend(opened, "a").get("k")).toArray()
    expect(Buffer.concat(healed)).toEqual(bytes(10_000, 1))
  })
})

test("good copies are found under any of a hundred and twenty keys", async () => {
  const { store, services } = await openTestStore()
  const content = bytes(100, 7)
  for (let index = 0; index < 120; index += 1) await store.put(content, { key: `k${index}` })
  await store.idle()
  await store.cache.clear()
  await store.removeBackend("a")
  expect(await store.get(`sha256:${createHash("sha256").update(content).digest("hex")}`)).toEqual(content)
  expect(services.backends.names()).toEqual(["b"])
})

test("delete by id leaves a key alone that other bytes were put to meanwhile", async () => {
  const { store } = await openTestStore()
  const { id } = await store.put(bytes(10, 1), { key: "0" })
  for (let index = 1; index < 150; index += 1) await store.put(bytes(10, 1), { key: String(index) })
  const deleting = store.delete(id, { wait: 0 })
  const put = store.put(bytes(10, 2), { key: "99" })
  await Promise.all([deleting, put])
  expect(await store.get("99")).toEqual(bytes(10, 2))
})

test("two deletes of single copies at once never take the last one", async () => {
  const { store } = await openWithCopies(bytes(10, 1))
  const results = await Promise.allSettled([
    store.delete("k", { backends: ["a"] }),
    store.delete("k", { backends: ["b"] }),
  ])
  expect(results.filter((result) => result.status === "rejected").map((result) => result.reason.code)).toEqual([
    "LAST_COPY",
  ])
  expect(await store.get("k")).toEqual(bytes(10, 1))
})

test("two backends removed at once never take the last copy, and what is refused goes on working", async () => {
  const { store } = await openWithCopies(bytes(10, 1))
  const results = await Promise.allSettled([store.removeBackend("a"), store.removeBackend("b")])
  const codes = results.filter((result) => result.status === "rejected").map((result) => result.reason.code)
  expect(codes).toContain("LAST_COPY")
  expect(await store.get("k")).toEqual(bytes(10, 1))
})

test("a wait for nothing left to do ends when the store closes, and a caller's abort is ABORTED", async () => {
  const opened = await openTestStore()
  memoryBackend(opened, "a").intercept = () => new Promise(() => {})
  await opened.store.put(bytes(10, 1), { key: "k" })
  const control = new AbortController()
  const waiting = [opened.store.idle(), opened.store.synced("k"), opened.store.synced("k", { signal: control.signal })]
  control.abort(new Error("the caller's own reason"))
  await expect(waiting[2]).rejects.toMatchObject({ code: "ABORTED" })
  const ends = Promise.allSettled(waiting)
  await opened.store.close({ deadline: 10 })
  expect((await ends).map((end) => end.status === "rejected" && end.reason.code)).toEqual([
    "CLOSED",
    "CLOSED",
    "ABORTED",
  ])
})

test("a put that waits for its copies says when it was replaced before they were proven", async () => {
  const opened = await openTestStore({ defaultBackends: ["a"] })
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  memoryBackend(opened, "a").intercept = (operation) => {
    if (operation !== "put") return
    reached.resolve()
    return gate.promise
  }
  const first = opened.store.put(bytes(10, 1), { key: "k", durability: "all" })
  first.catch(() => {})
  await reached.promise
  await opened.store.put(bytes(10, 2), { key: "k" })
  gate.resolve()
  await expect(first).rejects.toMatchObject({ code: "CONFLICT" })
})

test("evict takes a plain pattern, and refuses what is neither pattern nor word", async () => {
  const { store } = await openTestStore()
  const { id } = await store.put(bytes(10, 1), { key: "k", durability: "all" })
  expect((await store.cache.evict("sha256:no*")).evicted).toBe(0)
  expect((await store.cache.evict(`${id.slice(0, 12)}*`)).evicted).toBe(1)
  await expect(store.cache.evict(7 as never)).rejects.toMatchObject({ code: "INVALID_INPUT" })
})

test.each([
  ["synced with no copies", (store: Store) => store.synced("k", { copies: 0 })],
  ["synced with more copies than are wanted", (store: Store) => store.synced("k", { copies: 9 })],
  ["a fallback that is unknown", (store: Store) => store.get("k", { fallback: ["nowhere"] })],
])("%s is a typed refusal", async (_name, call) => {
  const { store } = await openTestStore()
  await store.put(bytes(10, 1), { key: "k" })
  await expect(call(store)).rejects.toMatchObject({ code: expect.stringMatching(/^(INVALID_INPUT|UNKNOWN_BACKEND)$/) })
})
