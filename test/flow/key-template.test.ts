/** R14: where the copies of objects without a key lie is each backend's template; the object keeps one key everywhere else. */
import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import { codeOf, createGate, expectHealthy, holdAt } from "../fault/store-harness.ts"
import { memoryBackend, openTestStore } from "./open-store.ts"

const bytes = Buffer.from("the quick brown fox")
const hash = createHash("sha256").update(bytes).digest("hex")
const key = `blobs/sha256/${hash.slice(0, 2)}/${hash.slice(2, 4)}/${hash}`
const place = `cas/${hash.slice(0, 2)}-${hash.slice(2, 4)}-${hash.slice(4, 6)}/${hash}.sha256`

function open() {
  return openTestStore({
    backends: { a: { driver: "memory" }, b: { driver: "memory", keyTemplate: "cas/{h2}-{h2}-{h2}/{hash}.{algo}" } },
  })
}

test("a copy lies where its backend's template says, the object has the default key", async () => {
  const opened = await open()
  const { store } = opened
  const record = await store.put(bytes, { durability: "all" })
  expect(record.key).toBe(key)
  expect(record.locations.map((location) => [location.backend, location.key, location.synced])).toEqual([
    ["a", key, true],
    ["b", place, true],
  ])
  expect(await memoryBackend(opened, "b").stat(place)).toMatchObject({ size: bytes.length })
  await store.cache.clear()
  expect(await store.get(key, { backend: "b" })).toEqual(bytes)
  // A key of the user's own is the key everywhere.
  await store.put(bytes, { key: "mine", durability: "all" })
  expect(await memoryBackend(opened, "b").stat("mine")).not.toBeNull()
  await expectHealthy(opened)
})

test("events name the object, also of a place that is cleared, and a wait ends with them", async () => {
  const opened = await open()
  const { store } = opened
  const gate = createGate()
  memoryBackend(opened, "b").intercept = holdAt(gate, "put", place)
  await store.put(bytes)
  await gate.reached
  const synced = store.synced(key)
  const told: string[] = []
  store.on("sync:start", (event) => void told.push(event.key))
  store.on("sync:complete", (event) => void told.push(event.key))
  gate.open()
  await synced
  expect(await store.delete(key, { wait: 60_000 })).toMatchObject({ deleted: ["a", "b"], pending: [] })
  expect(await memoryBackend(opened, "b").stat(place)).toBeNull()
  expect(new Set(told)).toEqual(new Set([key]))
  await expectHealthy(opened)
})

test("a listing of a backend is in the order of the objects' keys, page after page", async () => {
  const { store } = await open()
  for (const name of ["zz", "aa"]) await store.put(Buffer.from(name), { key: name, backends: ["b"] })
  await store.put(Buffer.from("elsewhere"), { key: "mm", backends: ["a"] })
  await store.put(bytes)
  const list = async (options: object) => (await Array.fromAsync(store.list(options))).map((object) => object.key)
  expect(await list({ backend: "b" })).toEqual(["aa", key, "zz"])
  expect(await list({ backend: "b", limit: 1 })).toEqual(["aa"])
  expect(await list({ backend: "b", limit: 1, after: "aa" })).toEqual([key])
  expect(await list({ backend: "b", after: key })).toEqual(["zz"])
})

test("a put that would take the place of another object's copy is refused, and both keep what they have", async () => {
  const { store } = await open()
  await store.put(bytes)
  await expect(store.put(Buffer.from("other"), { key: place })).rejects.toMatchObject({
    code: "CONFLICT",
    details: { backend: "b", place },
  })
  expect(await store.has(place)).toBe(false)
  await store.delete(key)
  expect(await codeOf(store.put(Buffer.from("other"), { key: place }))).toBe("resolved")
  expect(await codeOf(store.put(bytes))).toBe("CONFLICT")
})
