/** Row 38: eviction meets reads, syncs and puts. What a backend still wants stays, an open read goes on, and no put loses its bytes. */
import { expect, test } from "vitest"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { SeededRandom } from "./kill-random.ts"
import {
  bytesOf,
  createGate,
  expectHealthy,
  holdAt,
  holdEvictions,
  openBehind,
  readAll,
  testSeed,
  turns,
} from "./store-harness.ts"

test("bytes that a backend still waits for are never evicted, whatever is asked", async () => {
  const opened = await openTestStore()
  const { store, services } = opened
  const gate = createGate()
  memoryBackend(opened, "b").intercept = holdAt(gate, "put", "k")
  const { id } = await store.put(bytesOf(1, 10_000), { key: "k" })
  await gate.reached
  for (const what of ["all", "oldest", "oversized", { pattern: "*" }, { bytes: 10_000 }] as const) {
    expect(await store.cache.evict(what)).toEqual({ evicted: 0, bytes: 0 })
  }
  expect(await store.cache.clear()).toEqual({ evicted: 0, bytes: 0 })
  expect(await services.staging.check(id, 10_000)).toBe("good")
  gate.open()
  await store.synced("k")
  expect(await store.cache.clear()).toEqual({ evicted: 1, bytes: 10_000 })
  expect(await store.get("k")).toEqual(bytesOf(1, 10_000))
  await expectHealthy(opened)
})

test("a read that has begun goes on after its bytes were evicted", async () => {
  const opened = await openTestStore()
  const { store } = opened
  const content = bytesOf(2, 3_000_000)
  await store.put(content, { key: "k", durability: "all" })
  const read = await store.open("k")
  expect(read.servedFrom).toBe("staging")
  const first = await read.stream[Symbol.asyncIterator]().next()
  await store.cache.clear()
  const rest = await readAll(read.stream)
  expect(Buffer.concat([first.value as Buffer, rest]).equals(content)).toBe(true)
  await expectHealthy(opened)
})

test("an eviction between the decision and the removal, and a put of the same bytes: the put keeps its bytes", async () => {
  const opened = await openTestStore()
  const { store } = opened
  const content = bytesOf(3, 60_000)
  await store.put(content, { key: "k", durability: "all" })
  const gate = createGate()
  const endHold = holdEvictions(opened, gate)
  const evict = store.cache.clear()
  await gate.reached
  await openBehind(gate, store.put(content, { key: "other" }))
  await evict
  endHold()
  for (const name of ["a", "b"])
    memoryBackend(opened, name).intercept = () => Promise.reject(new Error("staging must have the bytes"))
  const isStaged = (await store.stat("other"))?.staged
  if (isStaged) expect(await store.get("other")).toEqual(content)
  for (const name of ["a", "b"]) memoryBackend(opened, name).intercept = undefined
  expect(await store.get("other")).toEqual(content)
  await expectHealthy(opened)
})

test("reads, puts, deletes and evictions at random moments, 300 times: every read is right", async () => {
  const seed = testSeed()
  const random = new SeededRandom(seed)
  const opened = await openTestStore()
  const { store } = opened
  const contents = Array.from({ length: 5 }, (_, index) => bytesOf(index, 20_000 + index))
  for (let round = 0; round < 300; round += 1) {
    const content = random.pick(contents)
    const key = `k-${random.below(4)}`
    await store.put(content, { key })
    if (random.chance(0.5)) await store.synced(key)
    const later = async <Result>(work: () => Promise<Result>): Promise<Result> => {
      await turns(random.below(10))
      return work()
    }
    const [, read] = await Promise.all([
      later(() => store.cache.evict(random.chance(0.5) ? "all" : "oldest")),
      later(() => store.get(key)),
      later(async () => readAll(await store.get(key, { stream: true }))),
      later(() => store.put(content, { key: `again-${random.below(3)}` })),
      later(() => store.cache.clear()),
    ])
    expect(read.equals(content), `seed ${seed}, round ${round}`).toBe(true)
    if (random.chance(0.3)) await store.delete(key, { wait: 0 })
  }
  await expectHealthy(opened)
})
