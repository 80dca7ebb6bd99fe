/** What may stand in the queues on Redis besides what the server put there (rows 13, 14, 31, 32, 36): nothing of it moves a byte that is not wanted. */
import { readdir } from "node:fs/promises"
import { Queue } from "bullmq"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { expectHealthy } from "../fault/store-harness.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { openTestPool } from "./open-pool.ts"

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

function queueOf(prefix: string, name = "sync-a"): Queue {
  const queue = new Queue(name, { connection: { url: redis.url }, prefix })
  onTestFinished(() => queue.close())
  return queue
}

/** Without the driver's own folder. */
async function filesIn(root: string): Promise<string[]> {
  return (await readdir(root)).filter((name) => name !== ".stored-tmp")
}

const once = { removeOnComplete: true, removeOnFail: true }

describe("jobs on Redis", () => {
  test("that are doubled ten times and shuffled are done once", async () => {
    const { opened, prefix, addWorker } = await openTestPool(redis.url, { defaultBackends: ["a"] })
    const { store } = opened
    const keys = Array.from({ length: 40 }, (_, index) => `k/${index}`)
    await Promise.all(keys.map((key) => store.put(Buffer.from(key), { key })))
    const queue = queueOf(prefix)
    const copies = keys.flatMap((key) => Array.from({ length: 10 }, (_, copy) => ({ key, copy })))
    copies.sort((one, other) => ((one.copy * 7 + one.key.length * 13) % 11) - ((other.copy * 5) % 11))
    await queue.addBulk(
      copies.map(({ key, copy }) => ({
        name: "sync",
        data: { version: 1, kind: "sync", backend: "a", key, generation: copy },
        opts: { ...once, jobId: `copy-${copy}-${key.replace("/", "-")}` },
      })),
    )
    const started: string[] = []
    store.on("sync:start", ({ key }) => void started.push(key))
    await addWorker()
    await store.idle({ signal: AbortSignal.timeout(30_000) })
    expect(started.sort()).toEqual(keys.sort())
    await expectHealthy(opened)
  })

  test("that are forged are dropped: no byte moves, no worker ends, the server's own jobs are done", async () => {
    const { opened, prefix, roots, addWorker } = await openTestPool(redis.url, { defaultBackends: ["a"] })
    const { store } = opened
    const queue = queueOf(prefix)
    const forged: unknown[] = [
      null,
      "text",
      [],
      {},
      { version: 2, kind: "sync", backend: "a", key: "mine", generation: 1 },
      { version: 1, kind: "sync", backend: "a", key: "mine", generation: 1, want: { id: "sha256:0", size: 0 } },
      { version: 1, kind: "sync", backend: "a", key: "mine", generation: -1 },
      { version: 1, kind: "sync", backend: "a", key: "../../escape", generation: 1 },
      { version: 1, kind: "sync", backend: "secret", key: "mine", generation: 1 },
      { version: 1, kind: "sync", backend: "a", key: "x".repeat(100_000), generation: 1 },
      { version: 1, kind: "checksum", id: "sha256:nothing" },
      { version: 1, kind: "shell", command: "true" },
      JSON.parse('{"__proto__":{"version":1},"kind":"sync"}'),
    ]
    await queue.addBulk(
      forged.map((data, index) => ({ name: "sync", data, opts: { ...once, jobId: `forged-${index}` } })),
    )
    await store.put(Buffer.from("ours"), { key: "ours" })
    const started: string[] = []
    store.on("sync:start", ({ key }) => void started.push(key))
    const worker = await addWorker()
    await store.idle({ signal: AbortSignal.timeout(30_000) })
    // Everything has been looked at, the forged ones stood in front.
    expect(await queue.getJobCounts("waiting", "active", "failed", "delayed")).toMatchObject({ waiting: 0, failed: 0 })
    expect(started).toEqual(["ours"])
    expect(await filesIn(roots.a)).toEqual(["ours"])
    expect(worker.queues).toContain("sync-a")
    expect(({} as { version?: number }).version).toBeUndefined()
    await expectHealthy(opened)
  })

  test("of an object that is deleted before a worker sees them bring nothing back", async () => {
    const { opened, roots, addWorker } = await openTestPool(redis.url)
    const { store } = opened
    for (const key of ["stays", "goes"]) await store.put(Buffer.from(key), { key })
    await store.delete("goes")
    await addWorker()
    await store.idle({ signal: AbortSignal.timeout(30_000) })
    for (const root of [roots.a, roots.b]) expect(await filesIn(root)).toEqual(["stays"])
    await expectHealthy(opened)
  })

  test("of a backend that is added while workers run are done, and none is left of one that is removed", async () => {
    const { opened, prefix, roots, addWorker } = await openTestPool(redis.url, { defaultBackends: ["a"] })
    const { store } = opened
    const queues: string[][] = []
    const seen = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<void>()
    let isRemoved = false
    await addWorker({
      onQueues: (names) => {
        queues.push(names)
        if (names.includes("sync-later")) seen.resolve()
        if (isRemoved && !names.includes("sync-later")) gone.resolve()
      },
    })
    await store.addBackend("later", { driver: "fs", root: `${roots.a}-later` })
    await seen.promise
    await store.put(Buffer.from("x"), { key: "x", backends: ["a", "later"] })
    await store.synced("x", { signal: AbortSignal.timeout(30_000) })
    expect(await filesIn(`${roots.a}-later`)).toEqual(["x"])
    isRemoved = true
    await store.removeBackend("later")
    await gone.promise
    expect(await queueOf(prefix, "sync-later").getJobCounts("waiting", "active")).toEqual({ waiting: 0, active: 0 })
    await expectHealthy(opened)
  })
})
