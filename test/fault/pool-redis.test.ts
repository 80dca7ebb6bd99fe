/** What can become of Redis while jobs are on their way: it is full (row 12), or another one takes its place and lacks the last writes (row 13). */
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { connect, createServer, type Socket } from "node:net"
import { join } from "node:path"
import { Redis } from "ioredis"
import { expect, onTestFinished, test, vi } from "vitest"
import { openTestPool } from "../flow/open-pool.ts"
import { type OwnRedisServer, startOwnRedis } from "../redis-server.ts"
import { expectHealthy } from "./store-harness.ts"

const WAIT = { timeout: 30_000, interval: 20 }

function clientOf(server: OwnRedisServer): Redis {
  const client = new Redis(server.url)
  onTestFinished(() => client.disconnect())
  return client
}

test("a Redis that is full: every put is taken, the server says what is wrong, and all is done once there is room", {
  timeout: 120_000,
}, async () => {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.stop())
  const client = clientOf(redis)
  const told: string[] = []
  const note = (facts: object, text: string): void => void told.push(`${text} ${JSON.stringify(facts)}`)
  const log = { debug() {}, info() {}, warn: note, error: note }
  const { opened, addWorker } = await openTestPool(redis.url, {}, { log }, { lookEvery: 300, askAfter: 1_000 })
  const { store, services } = opened
  await client.config("SET", "maxmemory", "1")
  const keys = Array.from({ length: 50 }, (_, index) => `k/${index}`)
  await Promise.all(keys.map((key) => store.put(Buffer.from(key), { key })))
  await vi.waitFor(() => expect(told.join("\n")).toMatch(/OOM/), WAIT)
  expect(services.catalog.counters()).toMatchObject({ objects: 50, outbox: 100 })
  await client.config("SET", "maxmemory", "0")
  await addWorker()
  await store.idle({ signal: AbortSignal.timeout(60_000) })
  expect(services.catalog.counters()).toMatchObject({ outbox: 0, parked: 0 })
  await expectHealthy(opened)
})

test("a replica that takes over without the last writes: what it lacks is sent again, what it has twice is done once", {
  timeout: 120_000,
}, async () => {
  const first = await startOwnRedis()
  onTestFinished(() => first.stop())
  const second = await startOwnRedis(["--replicaof", `127.0.0.1 ${first.port}`])
  onTestFinished(() => second.stop())
  const replica = clientOf(second)
  await vi.waitFor(async () => expect(await replica.info("replication")).toMatch(/master_link_status:up/), WAIT)
  const way = await openWay(first.port)
  const { opened, prefix, roots, addWorker } = await openTestPool(way.url, {}, {}, { lookEvery: 300, askAfter: 1_000 })
  const { store, services } = opened
  const put = (keys: string[], content: string): Promise<unknown> =>
    Promise.all(keys.map((key) => store.put(Buffer.from(`${key} ${content}`), { key })))
  const named = (name: string): string[] => Array.from({ length: 40 }, (_, index) => `${name}-${index}`)
  await put([...named("done"), ...named("waits")], "old")
  await vi.waitFor(async () => expect(await replica.llen(`${prefix}:sync-a:wait`)).toBe(80), WAIT)
  // From here on the replica hears of nothing more: jobs that are done wait in it, and newer ones are not in it.
  await replica.replicaof("NO", "ONE")
  const worker = await addWorker()
  await store.idle({ signal: AbortSignal.timeout(60_000) })
  await worker.stop()
  const uploads: string[] = []
  store.on("sync:start", ({ key, backend }) => void uploads.push(`${backend} ${key}`))
  await put([...named("waits"), ...named("late")], "new")
  await vi.waitFor(async () => expect(await clientOf(first).llen(`${prefix}:sync-a:wait`)).toBe(80), WAIT)
  await way.lead(second.port)
  await addWorker()
  await store.idle({ signal: AbortSignal.timeout(60_000) })
  const wanted = [...named("waits"), ...named("late")].flatMap((key) => [`a ${key}`, `b ${key}`])
  expect(uploads.toSorted(), "each once, and nothing that was done").toEqual(wanted.toSorted())
  for (const root of [roots.a, roots.b]) {
    for (const key of named("done")) expect(await readFile(join(root, key), "utf8")).toBe(`${key} old`)
    for (const key of [...named("waits"), ...named("late")])
      expect(await readFile(join(root, key), "utf8")).toBe(`${key} new`)
  }
  expect(services.catalog.counters()).toMatchObject({ outbox: 0, parked: 0 })
  await expectHealthy(opened)
})

/** A port that leads to one Redis, and after `lead` to another one; connections to the old one break. */
async function openWay(port: number): Promise<{ url: string; lead(port: number): Promise<void> }> {
  let target = port
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1")
    for (const [socket, other] of [[near, far] as const, [far, near] as const]) {
      sockets.add(socket)
      socket.on("close", () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.on("error", () => other.destroy())
    }
    near.pipe(far)
    far.pipe(near)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    server.close()
    cut()
  })
  const { port: own } = server.address() as { port: number }
  return {
    url: `redis://127.0.0.1:${own}`,
    lead: async (to) => {
      target = to
      cut()
    },
  }
}
