/** What scans and validations read comes after syncs, in both shapes: who waits for whom is seen by signals, and no time passes but what the test lets pass. */
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { HandTimer } from "./hand-timer.ts"
import { openTestPool } from "./open-pool.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting } from "./resting-file.ts"
import { lookedAt } from "./scan-steps.ts"
import { ended, validated } from "./validate-steps.ts"

/** More than are read at once without giving way. */
const FILES = 80

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

interface Ground {
  opened: OpenedStore
  timer: HandTimer
  /** what has happened: `read` for files that are about to be read, `synced` */
  order: string[]
  /** Whoever reads files waits until what is returned is called. */
  holdReads(): () => void
  /** Syncs under way do not end until what is returned is called. */
  holdSyncs(): () => void
}

async function configOf(): Promise<StoreConfigInput> {
  const directory = await temporaryDirectory()
  const folder = (name: string) => ({ driver: "fs", root: join(directory, name), scan: { every: "off" } })
  for (let index = 0; index < FILES; index += 1) await writeResting(join(directory, "found"), `f${index}`, `${index}`)
  return { backends: { a: folder("a"), b: folder("b"), found: folder("found") }, defaultBackends: ["a"] }
}

/** A gate that a test closes, and opens again at the latest when it ends. */
function gate(): { passed(): Promise<void> | null; close(): () => void } {
  let closed: PromiseWithResolvers<void> | null = null
  return {
    passed: () => closed?.promise ?? null,
    close: () => {
      const held = Promise.withResolvers<void>()
      closed = held
      onTestFinished(() => held.resolve())
      return () => {
        closed = null
        held.resolve()
      }
    },
  }
}

async function ground(opened: OpenedStore, timer: HandTimer, holdSyncs: () => () => void): Promise<Ground> {
  const { store, scanPool } = opened
  const order: string[] = []
  const reads = gate()
  const run = scanPool.run.bind(scanPool)
  scanPool.run = (async (...call: Parameters<typeof run>) => {
    order.push("read")
    await reads.passed()
    return run(...call)
  }) as typeof run
  for (const key of ["k1", "k2"]) await store.put(Buffer.from(key), { key, durability: "all" })
  store.on("sync:complete", () => void order.push("synced"))
  return { opened, timer, order, holdReads: reads.close, holdSyncs }
}

async function openEmbedded(): Promise<Ground> {
  const timer = new HandTimer()
  const opened = await openTestStore(await configOf(), { timer })
  const syncs = gate()
  const { backend } = opened.services.backends.get("b")
  const put = backend.put.bind(backend)
  backend.put = async (...call) => {
    await syncs.passed()
    return put(...call)
  }
  return ground(opened, timer, syncs.close)
}

/** @param hold which messages of the worker are held: those that claim, or those that tell of a result */
async function openPool(hold: "claims" | "results" = "results"): Promise<Ground> {
  const timer = new HandTimer()
  const { opened, addWorker } = await openTestPool(redis.url, await configOf(), { timer })
  const syncs = gate()
  const desk = opened.desk!
  const exchange = desk.exchange.bind(desk)
  desk.exchange = async (message, ...more) => {
    if (message[hold].length > 0) await syncs.passed()
    return exchange(message, ...more)
  }
  await addWorker()
  return ground(opened, timer, syncs.close)
}

/** Begins what reads, and resolves with its end. */
const READERS = {
  validate: async ({ opened }: Ground) => {
    const over = ended(opened, "a")
    await opened.store.validate("a")
    return over
  },
  scan: async ({ opened }: Ground) => {
    const over = new Promise<void>((resolve) => {
      opened.store.on("scan", ({ state }) => state !== "running" && resolve())
    })
    await opened.store.scan("found")
    await over
    await lookedAt(opened, "found")
  },
}

/** A sync of `x` that is under way and does not end. */
async function beginSync({ opened }: Ground): Promise<void> {
  const begun = new Promise((resolve) => opened.store.on("sync:start", resolve))
  await opened.store.put(Buffer.from("x"), { key: "x", backends: ["b"] })
  await begun
}

async function expectAfterSync(ground: Ground, reader: keyof typeof READERS, release: () => void): Promise<void> {
  const { opened, timer, order } = ground
  const over = READERS[reader](ground)
  for (let looks = 0; looks < 3; looks += 1) {
    await timer.pass()
    expect(order).toEqual([])
  }
  await timer.asleep()
  expect(order).toEqual([])
  const synced = new Promise((resolve) => opened.store.on("sync:complete", resolve))
  release()
  await synced
  timer.run()
  await over
  await expect.poll(() => order.slice(0, 2), { timeout: 20_000 }).toEqual(["synced", "read"])
}

describe.each([
  ["embedded", () => openEmbedded()],
  ["pool", () => openPool()],
])("%s", (_shape, open) => {
  describe.each(["validate", "scan"] as const)("a %s", (reader) => {
    it("reads nothing while a sync is under way", async () => {
      const ground = await open()
      const release = ground.holdSyncs()
      await beginSync(ground)
      await expectAfterSync(ground, reader, release)
    })

    it("goes on where syncs do not end, piece by piece", async () => {
      const ground = await open()
      const release = ground.holdSyncs()
      await beginSync(ground)
      const over = READERS[reader](ground)
      ground.timer.run()
      await expect.poll(() => ground.order, { timeout: 20_000 }).toContain("read")
      expect(ground.timer.now()).toBeGreaterThanOrEqual(1_000)
      expect(ground.order).not.toContain("synced")
      release()
      await over
    })

    it("that reads holds up no sync", async () => {
      const ground = await open()
      const { opened, order } = ground
      const release = ground.holdReads()
      const over = READERS[reader](ground)
      await expect.poll(() => order, { timeout: 20_000 }).toContain("read")
      await opened.store.put(Buffer.from("x"), { key: "x", backends: ["b"], durability: "all" })
      expect(order).toContain("synced")
      ground.timer.run()
      release()
      await over
    })
  })
})

it("a sync that waits for a worker's hand goes first, too", async () => {
  const ground = await openPool("claims")
  const release = ground.holdSyncs()
  await ground.opened.store.put(Buffer.from("x"), { key: "x", backends: ["b"] })
  expect(ground.opened.services.runner.running("sync-b")).toBe(0)
  await expectAfterSync(ground, "validate", release)
})

it("where no worker is there nobody is waited for", async () => {
  const timer = new HandTimer()
  const { opened } = await openTestPool(redis.url, {}, { timer })
  await opened.store.put(Buffer.from("x"), { key: "x", backends: ["b"] })
  const over = ended(opened, "a")
  await opened.store.validate("a")
  expect(await over).toBe("done")
  expect(timer.now()).toBe(0)
})

it("a validation reads no faster than its rate says", async () => {
  const timer = new HandTimer()
  const opened = await openTestStore({ defaultBackends: ["a"] }, { timer })
  const keys = Array.from({ length: 10 }, (_, index) => `k${index}`)
  for (const key of keys) await opened.store.put(Buffer.alloc(1_000, key), { key, durability: "all" })
  const begun: number[] = []
  memoryBackend(opened, "a").intercept = (operation) => {
    if (operation === "get") begun.push(timer.now())
  }
  timer.run()
  expect(await validated(opened, "a", { rate: 1_000 })).toMatchObject({ good: 10, bytes: 10_000 })
  // Ten pieces of a second each: the last one begins when those before it are over. Four are under way at a time.
  expect(timer.now()).toBe(9_000)
  expect(begun).toHaveLength(10)
  for (const [index, time] of begun.entries()) expect(time).toBeGreaterThanOrEqual((index - 4) * 1_000)
})
