/**
 * Rows 36 and 37: a delete meets a sync at each of its steps, and a put of the same bytes at each of its steps. Nothing that was deleted
 * comes back, and nothing that was put is lost.
 */
import { describe, expect, test } from "vitest"
import type { MemoryOperation } from "../../src/backends/memory.ts"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { SeededRandom } from "./kill-random.ts"
import {
  bytesOf,
  createGate,
  expectHealthy,
  holdAt,
  holdEvictions,
  openBehind,
  testSeed,
  turns,
} from "./store-harness.ts"

const ONE = { backends: { a: { driver: "memory" } } }
const STEPS: [name: string, operation: MemoryOperation, nth: number][] = [
  ["looks before it writes", "stat", 1],
  ["writes", "put", 1],
  ["looks after it wrote", "stat", 2],
  ["asks for the checksum", "checksum", 1],
]

/** A store that has put the first bytes under `k`, and whose sync of them is held at that step. */
async function holdSync(operation: MemoryOperation, nth: number) {
  const opened = await openTestStore(ONE)
  const backend = memoryBackend(opened, "a")
  const gate = createGate()
  backend.intercept = holdAt(gate, operation, "k", nth)
  const { id } = await opened.store.put(bytesOf(1, 1000), { key: "k" })
  await gate.reached
  return { opened, backend, gate, id }
}

describe.each(STEPS)("while a sync %s", (_name, operation, nth) => {
  test("a delete: the copy goes, and nothing brings it back", async () => {
    const { opened, backend, gate, id } = await holdSync(operation, nth)
    const { store, services } = opened
    const result = await store.delete("k", { wait: 0 })
    expect(result.pending).toEqual(["a"])
    gate.open()
    await store.idle()
    expect(await store.stat("k")).toBeNull()
    expect(await backend.stat("k")).toBeNull()
    expect(services.catalog.location("a", "k")).toBeNull()
    await expectHealthy(opened)
    expect(await store.stat(id)).toBeNull()
  })

  test("an overwrite: the new bytes are there in the end, proven", async () => {
    const { opened, backend, gate } = await holdSync(operation, nth)
    const { store } = opened
    const { id } = await store.put(bytesOf(2, 1000), { key: "k" })
    gate.open()
    expect((await store.synced("k")).id).toBe(id)
    await store.idle()
    expect(`sha256:${(await backend.checksum("k", "sha256"))?.hex}`).toBe(id)
    await expectHealthy(opened)
  })

  test("a delete and a put of the same bytes again: they are there, proven", async () => {
    const { opened, backend, gate, id } = await holdSync(operation, nth)
    const { store } = opened
    await store.delete("k", { wait: 0 })
    const again = await store.put(bytesOf(1, 1000), { key: "k" })
    expect(again).toMatchObject({ id, isNew: true })
    gate.open()
    await store.synced("k")
    await store.idle()
    expect(`sha256:${(await backend.checksum("k", "sha256"))?.hex}`).toBe(id)
    expect(await store.get("k")).toEqual(bytesOf(1, 1000))
    await expectHealthy(opened)
  })
})

test("while a delete of the copy is under way, a put of the key: the new bytes are there in the end", async () => {
  const opened = await openTestStore(ONE)
  const { store } = opened
  const backend = memoryBackend(opened, "a")
  await store.put(bytesOf(1, 1000), { key: "k", durability: "all" })
  const gate = createGate()
  backend.intercept = holdAt(gate, "delete", "k")
  await store.delete("k", { wait: 0 })
  await gate.reached
  const { id } = await store.put(bytesOf(2, 1000), { key: "k" })
  gate.open()
  await store.synced("k")
  await store.idle()
  expect(`sha256:${(await backend.checksum("k", "sha256"))?.hex}`).toBe(id)
  await expectHealthy(opened)
})

describe("a delete of the only object with some bytes, and a put of the same bytes under another key", () => {
  const bytes = bytesOf(7, 50_000)

  test("the delete falls between staging the bytes and committing the put", async () => {
    const opened = await openTestStore()
    const { store, services } = opened
    await store.put(bytes, { key: "old", durability: "all" })
    const { staging } = services
    const receive = staging.receive.bind(staging)
    staging.receive = async (source, options) => {
      const received = await receive(source, options)
      await store.delete("old")
      await store.idle()
      await turns(20)
      return received
    }
    await store.put(bytes, { key: "new" })
    staging.receive = receive
    expect(await store.get("new")).toEqual(bytes)
    await store.synced("new")
    await expectHealthy(opened)
  })

  test("the put falls between the delete's decision to drop the staged bytes and their removal", async () => {
    const opened = await openTestStore()
    const { store } = opened
    await store.put(bytes, { key: "old", durability: "all" })
    const gate = createGate()
    const endHold = holdEvictions(opened, gate)
    await store.delete("old")
    await gate.reached
    await openBehind(gate, store.put(bytes, { key: "new" }))
    endHold()
    expect(await store.get("new")).toEqual(bytes)
    await store.synced("new")
    await expectHealthy(opened)
  })

  test("a put that is refused at the end takes no bytes away that another put has", async () => {
    const opened = await openTestStore()
    const { store } = opened
    await store.put(Buffer.from("in the way"), { key: "taken" })
    for (let round = 0; round < 40; round += 1) {
      const content = bytesOf(round, 3_000)
      const [, refused] = await Promise.all([
        store.put(content, { key: `k-${round}` }),
        store.put(content, { key: "taken", ifVersion: 99 }).catch((error: { code: string }) => error.code),
      ])
      expect(refused).toBe("CONFLICT")
      expect(await store.get(`k-${round}`)).toEqual(content)
    }
    await expectHealthy(opened)
  })

  test("at random moments, 200 times", async () => {
    const seed = testSeed()
    const random = new SeededRandom(seed)
    const opened = await openTestStore()
    const { store } = opened
    for (let round = 0; round < 200; round += 1) {
      const content = bytesOf(random.below(4), 5_000)
      await store.put(content, { key: "old" })
      await turns(random.below(6))
      const remove = turns(random.below(8)).then(() => store.delete("old", { wait: 0 }))
      const put = turns(random.below(8)).then(() => store.put(content, { key: `new-${round % 3}` }))
      await Promise.all([remove, put])
      expect(await store.get(`new-${round % 3}`), `seed ${seed}, round ${round}`).toEqual(content)
      expect(await store.has("old"), `seed ${seed}, round ${round}`).toBe(false)
      await turns(random.below(6))
      if (random.chance(0.7)) await store.delete(`new-${round % 3}`, { wait: 0 })
    }
    await expectHealthy(opened)
    for (const name of ["a", "b"]) expect(await memoryBackend(opened, name).stat("old")).toBeNull()
  })
})
