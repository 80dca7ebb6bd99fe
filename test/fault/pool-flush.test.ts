/** Redis loses everything while jobs wait (row 9): the queues are filled again from the outbox, and every job is done. */
import { Redis } from "ioredis"
import { expect, onTestFinished, test, vi } from "vitest"
import { openTestPool } from "../flow/open-pool.ts"
import { startOwnRedis } from "../redis-server.ts"
import { expectHealthy } from "./store-harness.ts"

/** Two jobs each. `STORED_FLUSHED=5000` has the ten thousand. */
const COUNT = Number(process.env.STORED_FLUSHED ?? 1_500)

test("FLUSHALL with jobs pending: the queues are rebuilt, and everything is synced", { timeout: 300_000 }, async () => {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.stop())
  const client = new Redis(redis.url)
  onTestFinished(() => client.disconnect())
  const { opened, prefix, addWorker } = await openTestPool(redis.url, {}, {}, { lookEvery: 300, askAfter: 1_000 })
  const { store, services } = opened
  const keys = Array.from({ length: COUNT }, (_, index) => `k/${index}`)
  await Promise.all(keys.map((key) => store.put(Buffer.from(key), { key, durability: "os" })))
  const waiting = (): Promise<number> => client.llen(`${prefix}:sync-a:wait`)
  await vi.waitFor(async () => expect(await waiting()).toBeGreaterThan(1_000), { timeout: 20_000, interval: 50 })
  await client.flushall()
  expect(await waiting()).toBe(0)
  // Nothing tells when a Redis has forgotten: the server asks after a while.
  await vi.waitFor(async () => expect(await waiting()).toBeGreaterThan(1_000), { timeout: 60_000, interval: 50 })
  await addWorker()
  await store.idle({ signal: AbortSignal.timeout(200_000) })
  expect(services.catalog.counters()).toMatchObject({ outbox: 0, parked: 0, locations: 2 * COUNT })
  await expectHealthy(opened)
})
