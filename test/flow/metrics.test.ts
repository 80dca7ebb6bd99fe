/** What Prometheus reads of a store, compared with what happened: in one process, and with workers beside a real Redis. */
import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { JobMetrics } from "../../src/metrics/job-metrics.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { readMetrics, samplesOf } from "../unit/metrics-text.ts"
import { openTestPool } from "./open-pool.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

/** Labels that may have a value of their own for each backend, and those whose values stand in a closed list. */
const LABELS = new Set([
  "queue",
  "state",
  "kind",
  "outcome",
  "backend",
  "code",
  "direction",
  "alive",
  "le",
  "misfit",
  "operation",
  "status",
])

describe("in one process", () => {
  it("jobs, bytes, reads and content are what happened", async () => {
    const opened = await openTestStore({ checksums: ["sha256", "md5"] })
    const { store, metrics } = opened
    await store.put(Buffer.alloc(1_000, "x"), { key: "secret-key", durability: "all" })
    await store.put(Buffer.alloc(500, "y"), { key: "other-key", durability: "all" })
    await store.idle()
    expect(await store.get("secret-key")).toHaveLength(1_000)
    expect(
      await Array.fromAsync(await store.get("other-key", { stream: true, range: { start: 0, end: 100 } })),
    ).not.toEqual([])
    await store.cache.clear()
    expect(await store.get("other-key")).toHaveLength(500)

    const text = await metrics.text()
    expect(samplesOf(text, "stored_job_seconds_count")).toEqual({
      'stored_job_seconds_count{kind="sync",outcome="done"}': 4,
      'stored_job_seconds_count{kind="checksum",outcome="done"}': 2,
    })
    expect(samplesOf(text, "stored_bytes_total")).toEqual({
      'stored_bytes_total{direction="in"}': 1_500,
      'stored_bytes_total{direction="out"}': 1_600,
      'stored_bytes_total{direction="copied"}': 3_000,
    })
    expect(samplesOf(text, "stored_job_failures_total")).toEqual({})
    expect(samplesOf(text, "stored_workers")).toEqual({})
    const { hits, misses, size } = store.cache.stats()
    const all = readMetrics(text)
    expect([hits, misses]).toEqual([2, 1])
    expect(all.get("stored_cache_hits_total")).toBe(2)
    expect(all.get("stored_cache_misses_total")).toBe(1)
    expect(all.get("stored_cache_bytes")).toBe(size)
    expect(all.get('stored_breaker_state{backend="a"}')).toBe(0)
  })

  it("failures have their backend and code, parked jobs wait, an open breaker is 2", async () => {
    const opened = await openTestStore(
      { defaultBackends: ["a", "b"] },
      { breaker: { threshold: 2, pause: 3_600_000, maxPause: 3_600_000 } },
    )
    const { store, services, metrics } = opened
    await store.pauseBackend("a")
    expect(samplesOf(await metrics.text(), "stored_backend_paused")).toEqual({
      'stored_backend_paused{backend="a"}': 1,
      'stored_backend_paused{backend="b"}': 0,
    })
    await store.resumeBackend("a")
    memoryBackend(opened, "a").put = async () => {
      throw new StoredError("BACKEND_REFUSED", "not this one")
    }
    memoryBackend(opened, "b").put = async () => {
      throw new StoredError("BACKEND_UNAVAILABLE", "away", { retryable: true })
    }
    const opens = new Promise<void>((resolve) =>
      store.on("backend:breaker", ({ state }) => state === "open" && resolve()),
    )
    await store.put(Buffer.from("1"), { key: "k1" })
    await store.put(Buffer.from("2"), { key: "k2" })
    await opens
    await services.runner.idle()
    const text = await metrics.text()
    const failures = samplesOf(text, "stored_job_failures_total")
    expect(failures['stored_job_failures_total{backend="a",code="BACKEND_REFUSED",kind="sync"}']).toBe(2)
    expect(
      failures['stored_job_failures_total{backend="b",code="BACKEND_UNAVAILABLE",kind="sync"}'],
    ).toBeGreaterThanOrEqual(2)
    expect(samplesOf(text, "stored_job_seconds_count")).toEqual({
      'stored_job_seconds_count{kind="sync",outcome="failed"}': Object.values(failures).reduce((a, b) => a + b),
    })
    expect(samplesOf(text, "stored_breaker_state")).toEqual({
      'stored_breaker_state{backend="a"}': 0,
      'stored_breaker_state{backend="b"}': 2,
    })
    const jobs = samplesOf(text, "stored_queue_jobs")
    expect(jobs).toMatchObject({
      'stored_queue_jobs{queue="sync-a",state="parked"}': 2,
      'stored_queue_jobs{queue="sync-a",state="due"}': 0,
      'stored_queue_jobs{queue="sync-b",state="due"}': 2,
      'stored_queue_jobs{queue="sync-b",state="running"}': 0,
    })
    expect(readMetrics(text).get('stored_queue_oldest_seconds{queue="sync-b"}')).toBeGreaterThan(0)
  })

  it("of a backend that was scanned, what is left to look at and since when it is known to be true", async () => {
    const { store, services, metrics } = await openTestStore()
    expect(samplesOf(await metrics.text(), "stored_scan_looks")).toEqual({})
    const done = new Promise<void>((resolve) => store.on("scan", ({ state }) => state === "done" && resolve()))
    const { started } = await store.scan("a")
    await done
    await services.catalog.commitLooks("a", ["x", "y"])
    const text = await metrics.text()
    expect(samplesOf(text, "stored_scan_looks")).toEqual({ 'stored_scan_looks{backend="a"}': 2 })
    expect(samplesOf(text, "stored_scan_known_as_of_seconds")).toEqual({
      'stored_scan_known_as_of_seconds{backend="a"}': started / 1000,
    })
  })

  it("what was found at a backend and is not as the catalog said, by kind", async () => {
    const root = await temporaryDirectory()
    const { store, metrics } = await openTestStore({ backends: { a: { driver: "fs", root } } })
    expect(samplesOf(await metrics.text(), "stored_drift_total")).toEqual({})
    await store.put(Buffer.from("kept"), { key: "kept", durability: "all" })
    await writeFile(join(root, "new.txt"), "somebody else's")
    await rm(join(root, "kept"))
    const done = new Promise<void>((resolve) => store.on("scan", ({ state }) => state === "done" && resolve()))
    await store.scan("a", { hash: true })
    await done
    await expect
      .poll(async () => samplesOf(await metrics.text(), "stored_drift_total"), { timeout: 20_000 })
      .toMatchObject({
        'stored_drift_total{backend="a",kind="new"}': 1,
        'stored_drift_total{backend="a",kind="missing"}': 1,
      })
    const bytes = readMetrics(await metrics.text()).get('stored_scan_look_bytes{backend="a"}')
    expect(bytes).toBeGreaterThanOrEqual(0)
  })

  it("a job under way is running, and a backend that is gone is not told of", async () => {
    const opened = await openTestStore({ defaultBackends: ["a"] })
    const { store, metrics } = opened
    const backend = memoryBackend(opened, "a")
    const put = backend.put.bind(backend)
    const began = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    backend.put = async (...words) => {
      began.resolve()
      await gate.promise
      return put(...words)
    }
    await store.put(Buffer.from("1"), { key: "k" })
    await began.promise
    expect(samplesOf(await metrics.text(), "stored_queue_jobs")).toMatchObject({
      'stored_queue_jobs{queue="sync-a",state="due"}': 0,
      'stored_queue_jobs{queue="sync-a",state="running"}': 1,
    })
    gate.resolve()
    await store.synced("k")
    expect(Object.keys(samplesOf(await metrics.text(), "stored_breaker_state"))).toHaveLength(2)
    await store.removeBackend("b")
    expect(Object.keys(samplesOf(await metrics.text(), "stored_breaker_state"))).toEqual([
      'stored_breaker_state{backend="a"}',
    ])
  })

  it("the service tells them with its process's own, and has no key or id in any label", async () => {
    const server = await startProcess({ STORED_DATA: join(await temporaryDirectory(), "data") })
    const put = await fetch(`${server.url}/v1/objects/secret-key`, { method: "PUT", body: "hello" })
    const { id } = (await put.json()) as { id: string }
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const all = readMetrics(text)
    expect(all.get('stored_bytes_total{direction="in"}')).toBe(5)
    expect(all.get("process_start_time_seconds")).toBeGreaterThan(0)
    const own = [...all.keys()].filter((name) => name.startsWith("stored_"))
    for (const name of own) for (const [, label] of name.matchAll(/(\w+)="/g)) expect(LABELS).toContain(label)
    expect(text).not.toContain("secret-key")
    expect(text).not.toContain(id.slice(7))
  })
})

describe("with workers", () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  it("each job is counted once, by the worker that carried it out", async () => {
    const { opened, addWorker, roots } = await openTestPool(redis.url, { checksums: ["sha256", "md5"] })
    const { store, metrics } = opened
    expect(samplesOf(await metrics.text(), "stored_workers")).toEqual({
      'stored_workers{alive="true"}': 0,
      'stored_workers{alive="false"}': 0,
    })
    const counts = [new JobMetrics(), new JobMetrics()]
    for (const meter of counts) await addWorker({ meter })
    const objects = Array.from({ length: 20 }, (_, index) => ({ key: `k${index}`, bytes: Buffer.alloc(100, index) }))
    await Promise.all(objects.map(({ key, bytes }) => store.put(bytes, { key, durability: "all", waitMs: 30_000 })))
    await store.idle()

    const sum = async (name: string): Promise<number> => {
      const texts = await Promise.all(counts.map((meter) => meter.text()))
      return texts.reduce((total, text) => total + (readMetrics(text).get(name) ?? 0), 0)
    }
    expect(await sum('stored_job_seconds_count{kind="sync",outcome="done"}')).toBe(40)
    expect(await sum('stored_job_seconds_count{kind="checksum",outcome="done"}')).toBe(20)
    expect(await sum('stored_bytes_total{direction="copied"}')).toBe(4_000)
    const server = await metrics.text()
    expect(samplesOf(server, "stored_job_seconds_count")).toEqual({})
    expect(readMetrics(server).get('stored_bytes_total{direction="in"}')).toBe(2_000)
    expect(readMetrics(server).get('stored_workers{alive="true"}')).toBe(2)

    // A folder that became a file takes nothing.
    await rm(roots.b, { recursive: true })
    await writeFile(roots.b, "")
    const failed = new Promise<void>((resolve) => store.on("sync:error", () => resolve()))
    await store.put(Buffer.from("z"), { key: "z" })
    await failed
    const [failures] = (await Promise.all(counts.map((meter) => meter.text())))
      .map((text) => samplesOf(text, "stored_job_failures_total"))
      .filter((samples) => Object.keys(samples).length > 0)
    expect(Object.keys(failures!)).toEqual([
      expect.stringMatching(/^stored_job_failures_total\{backend="b",code="[A-Z_]+",kind="sync"\}$/),
    ])
  })
})
