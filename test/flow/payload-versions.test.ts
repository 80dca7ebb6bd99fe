/**
 * A pool in the middle of an upgrade: payloads of four versions in one queue, workers that know the older two of them beside workers that know all, on a
 * real Redis. What the versions look like is the test's own; the current one of this program is what the last reader of each chain makes.
 */
import { readdir } from "node:fs/promises"
import { Queue } from "bullmq"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import * as z from "zod"
import { createBullIntakes } from "../../queues/bullmq.ts"
import { type JobPointer, pointerSchema } from "../../queues/exchange.ts"
import { type IngestPayload, ingestSchema } from "../../queues/ingest.ts"
import { parcelOf, Turns } from "../../queues/parcel.ts"
import { payloadReader } from "../../queues/payload-reader.ts"
import { JobMetrics } from "../../src/metrics/job-metrics.ts"
import { expectHealthy } from "../fault/store-harness.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { samplesOf } from "../unit/metrics-text.ts"
import { collectingLog, ingestLine } from "./ingest-line.ts"
import { type OpenedPool, openTestPool } from "./open-pool.ts"

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const KEYS = Array.from({ length: 40 }, (_, index) => `k${index}`)
const VERSIONS = [1, 2, 3, 4] as const
const NEWER = KEYS.filter((_, index) => versionAt(index) > 2)

function versionAt(index: number): (typeof VERSIONS)[number] {
  return VERSIONS[index % VERSIONS.length]!
}

/** The same pointer in the words of each version. */
function written(version: (typeof VERSIONS)[number], backend: string, key: string, generation: number): object {
  if (version === 1) return { version, at: `${backend}/${key}`, generation }
  if (version === 2) return { version, at: [backend, key], generation }
  if (version === 3) return { version, location: { backend, key }, generation }
  return { version, location: { backend, key }, fence: generation }
}

const generation = z.int()
const first = z
  .strictObject({ version: z.literal(1), at: z.string(), generation })
  .transform(({ at, ...rest }) => ({ ...rest, version: 2, at: at.split("/") }))
const place = z.strictObject({ backend: z.string(), key: z.string() })
const second = z.strictObject({ version: z.literal(2), at: z.tuple([z.string(), z.string()]), generation })
const third = z.strictObject({ version: z.literal(3), location: place, generation })
const fourth = z.strictObject({ version: z.literal(4), location: place, fence: z.int() })

const current = (backend: string, key: string, fence: number): JobPointer =>
  pointerSchema.parse({ version: 1, kind: "sync", backend, key, generation: fence })

/** Knows 1 and 2. */
const readOld = payloadReader({ version: 2, schema: second.transform((p) => current(...p.at, p.generation)) }, [
  { version: 1, schema: first },
])
/** Knows all four. */
const readNew = payloadReader(
  { version: 4, schema: fourth.transform((p) => current(p.location.backend, p.location.key, p.fence)) },
  [
    { version: 1, schema: first },
    {
      version: 2,
      schema: second.transform(({ at: [backend, key], ...rest }) => ({
        ...rest,
        version: 3,
        location: { backend, key },
      })),
    },
    { version: 3, schema: third.transform(({ generation: fence, location }) => ({ version: 4, location, fence })) },
  ],
)

/** Jobs for every key lie in the queue under the server's own ids, each in the words of its version, before the server sends its own. */
async function putInVersions({ opened, prefix }: OpenedPool): Promise<void> {
  const { store } = opened
  await store.pauseBackend("a")
  await Promise.all(KEYS.map((key) => store.put(Buffer.from(key), { key })))
  const queue = new Queue("sync-a", { connection: { url: redis.url }, prefix })
  onTestFinished(() => queue.close())
  await queue.addBulk(
    KEYS.map((key, index) => ({
      name: "sync",
      data: written(versionAt(index), "a", key, 1),
      opts: {
        jobId: parcelOf({ kind: "sync", backend: "a", key, generation: 1 }, new Turns()).id,
        attempts: 1,
        removeOnComplete: true,
        removeOnFail: true,
      },
    })),
  )
  await store.resumeBackend("a")
}

async function filesIn(root: string): Promise<string[]> {
  return (await readdir(root)).filter((name) => name !== ".stored-tmp")
}

const openIntakes = (prefix: string, maxAttempts: number) => () =>
  createBullIntakes({
    url: redis.url,
    prefix,
    events: { lost: () => {}, found: () => {}, trouble: () => {} },
    handBack: { baseDelay: 20, maxDelay: 100, maxAttempts },
  })

const misfits = async (meter: JobMetrics): Promise<number> =>
  samplesOf(await meter.text(), "stored_jobs_not_understood_total")[
    'stored_jobs_not_understood_total{misfit="version"}'
  ]!

describe("payloads of two older and two newer versions in one queue", () => {
  test("old workers do the older ones and hand back the rest, new ones do all of it, each once", async () => {
    const pool = await openTestPool(redis.url, { defaultBackends: ["a"] })
    const { opened, prefix, roots, addWorker } = pool
    const { store } = opened
    await putInVersions(pool)
    const started: string[] = []
    store.on("sync:start", ({ key }) => void started.push(key))
    const log = collectingLog()
    const meter = new JobMetrics()
    const patient = { openIntakes: openIntakes(prefix, 1_000) }
    const old = { ...patient, readPointer: readOld, log, meter, kinds: ["sync"] as const }
    await Promise.all([addWorker(old), addWorker(old)])
    const older = KEYS.filter((key) => !NEWER.includes(key))
    await Promise.all(older.map((key) => store.synced(key, { signal: AbortSignal.timeout(30_000) })))
    expect(started.toSorted()).toEqual(older.toSorted())
    expect(store.getBackend("a")).toMatchObject({ pending: NEWER.length, failed: 0 })

    await Promise.all([1, 2].map(() => addWorker({ ...patient, readPointer: readNew })))
    await store.idle({ signal: AbortSignal.timeout(30_000) })
    expect(started.toSorted()).toEqual(KEYS.toSorted())
    expect((await filesIn(roots.a)).toSorted()).toEqual(KEYS.toSorted())
    expect(store.status()).toMatchObject({ syncsCompleted: KEYS.length, syncsFailed: 0 })
    for (const key of KEYS)
      expect(opened.services.catalog.location("a", key)).toMatchObject({ state: "synced", attempts: 0 })
    expect(await misfits(meter)).toBeGreaterThanOrEqual(NEWER.length)
    expect(log.lines.filter((line) => /does not know was handed back/.test(line)).length).toBeGreaterThanOrEqual(1)
    await expectHealthy(opened)
  })

  test("after a downgrade nobody knows the newer ones: they are let go, and the server sends them again in its own words", async () => {
    const pool = await openTestPool(redis.url, { defaultBackends: ["a"] }, {}, { lookEvery: 50, askAfter: 100 })
    const { opened, prefix, addWorker } = pool
    const { store } = opened
    await putInVersions(pool)
    const started: string[] = []
    store.on("sync:start", ({ key }) => void started.push(key))
    // The server's own words are those of this program, which this worker knows, and none of the four.
    await addWorker({ openIntakes: openIntakes(prefix, 3), kinds: ["sync"] })
    await store.idle({ signal: AbortSignal.timeout(30_000) })
    expect(started.toSorted()).toEqual(KEYS.toSorted())
    expect(store.status()).toMatchObject({ syncsCompleted: KEYS.length, syncsFailed: 0 })
    await expectHealthy(opened)
  })
})

describe("a put by reference of a version that a worker does not know", () => {
  const read = payloadReader<IngestPayload>(
    {
      version: 2,
      schema: z.looseObject({ version: z.literal(2) }).transform((put) => ingestSchema.parse({ ...put, version: 1 })),
    },
    [{ version: 1, schema: ingestSchema.transform((put) => ({ ...put, version: 2 })) }],
  )
  const put = { version: 2, kind: "ingest", id: "f", source: { type: "bytes", base64: "" }, options: { key: "k" } }

  test("waits for one that does, and is done once", async () => {
    const { client, prefix, startWorker, store } = await ingestLine(redis)
    const queue = new Queue("ingest", { connection: { url: redis.url }, prefix })
    onTestFinished(() => queue.close())
    const meter = new JobMetrics()
    const refused = Promise.withResolvers<void>()
    await startWorker({ meter: Object.assign(meter, { notUnderstood: () => refused.resolve() }) })
    await queue.add("ingest", put, { jobId: "ingest-f", attempts: 5 })
    await refused.promise
    expect(await client.enqueued("f").state()).toMatch(/waiting|active/)
    await startWorker({ read })
    const older = await client.enqueue(Buffer.from("x"), { key: "older" })
    const within = { signal: AbortSignal.timeout(30_000) }
    expect(await client.enqueued("f").finished(within)).toMatchObject({ key: "k", version: 1 })
    expect(await older.finished(within)).toMatchObject({ key: "older", version: 1 })
    expect((await store.stat("k"))?.size).toBe(0)
  })

  test("fails in the end where none comes", async () => {
    const { client, prefix, startWorker } = await ingestLine(redis)
    const queue = new Queue("ingest", { connection: { url: redis.url }, prefix })
    onTestFinished(() => queue.close())
    await queue.add("ingest", put, { jobId: "ingest-f", attempts: 5 })
    await startWorker({ queue: { handBack: { maxAttempts: 3 } } })
    await expect(client.enqueued("f").finished({ signal: AbortSignal.timeout(30_000) })).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(/knows version 2/),
    })
  })
})
