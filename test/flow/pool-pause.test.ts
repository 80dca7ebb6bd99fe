/** Backends of a pool that are paused, or may begin only so many jobs in a time, with workers beside a real Redis. */
import { readdir } from "node:fs/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { expectHealthy } from "../fault/store-harness.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { openTestPool } from "./open-pool.ts"
import { openTestStore } from "./open-store.ts"

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const KEYS = Array.from({ length: 20 }, (_, index) => `k${index}`)

async function filesIn(root: string): Promise<string[]> {
  return (await readdir(root)).filter((name) => name !== ".stored-tmp")
}

test("a paused backend gets nothing from any worker, of what lies in Redis neither, and all of it once it is resumed", async () => {
  const { opened, roots, addWorker } = await openTestPool(redis.url)
  const { store } = opened
  await Promise.all(KEYS.map((key) => store.put(Buffer.from(key), { key })))
  await store.pauseBackend("b")
  await Promise.all([addWorker(), addWorker()])
  await store.idle({ signal: AbortSignal.timeout(30_000) })
  expect(await filesIn(roots.a)).toHaveLength(KEYS.length)
  expect(await filesIn(roots.b)).toEqual([])
  expect(store.getBackend("b")).toMatchObject({ paused: true, pending: KEYS.length, failed: 0 })
  await store.resumeBackend("b")
  await store.idle({ signal: AbortSignal.timeout(30_000) })
  expect(await filesIn(roots.b)).toHaveLength(KEYS.length)
  expect(store.status()).toMatchObject({ syncsCompleted: 2 * KEYS.length, syncsFailed: 0 })
  await expectHealthy(opened)
})

test("a rate limit holds for all workers together", async () => {
  const rateLimit = { max: 4, per: 400 }
  const { opened, addWorker } = await openTestPool(redis.url, { defaultBackends: ["a"] })
  const { store, services } = opened
  const root = `${services.config.data}-slow`
  await store.addBackend("slow", { driver: "fs", root, rateLimit })
  const begun: number[] = []
  store.on("sync:start", (_data, { time }) => void begun.push(time))
  await Promise.all([addWorker(), addWorker(), addWorker()])
  await Promise.all(KEYS.map((key) => store.put(Buffer.from(key), { key, backends: ["slow"] })))
  await store.idle({ signal: AbortSignal.timeout(30_000) })
  expect(await filesIn(root)).toHaveLength(KEYS.length)
  // Each stands at least `per` behind the one that is `max` before it.
  const gaps = begun.slice(rateLimit.max).map((time, index) => time - begun[index]!)
  expect(gaps).toHaveLength(KEYS.length - rateLimit.max)
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(rateLimit.per)
  await expectHealthy(opened)
})

test.each([
  ["embedded", undefined],
  ["pool", { url: "redis://127.0.0.1:1", prefix: "away" }],
])("a pause outlives a restart, and configurations that say nothing of it (%s)", async (_shape, away) => {
  const options = { ...(away && { redis: away }) }
  const first = await openTestStore({}, options)
  await first.store.pauseBackend("a")
  await first.store.close()
  const second = await openTestStore({ data: first.directory, defaultBackends: ["a"] }, options)
  expect(second.store.getBackend("a").paused).toBe(true)
  await second.store.put(Buffer.from("x"), { key: "k" })
  await second.store.idle()
  expect(second.store.getBackend("a").pending).toBe(1)
  await second.store.resumeBackend("a")
  await second.store.synced("k")
})
