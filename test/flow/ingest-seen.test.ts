/** Puts by reference as they are seen: in the status and the metrics of the server, in those of workers, and on the board, with a real Redis. */
import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from "vitest"
import { openBoardQueues } from "../../queues/bullmq/board-queues.ts"
import { connect } from "../../src/client.ts"
import { JobMetrics } from "../../src/metrics/job-metrics.ts"
import { type OwnRedisServer, startOwnRedis } from "../redis-server.ts"
import { listen } from "../unit/api-server.ts"
import { samplesOf } from "../unit/metrics-text.ts"
import { ingestLine } from "./ingest-line.ts"
import { openTestStore } from "./open-store.ts"

let redis: OwnRedisServer

beforeAll(async () => {
  redis = await startOwnRedis()
})
afterAll(() => redis.stop())

const within = { signal: AbortSignal.timeout(60_000) }
const ingestOf = (queues: { queue: string }[]) => queues.filter(({ queue }) => queue === "ingest")

it("the server tells how many wait, run and have failed, and since when, and nothing where Redis is away", async () => {
  const prefix = `t${randomBytes(6).toString("hex")}`
  const pace = { countEvery: 20 }
  const { store, metrics } = await openTestStore({}, { redis: { url: redis.url, prefix, pace } })
  const { url } = await listen(store)
  const client = connect(url, { redis: { url: redis.url, prefix } })
  onTestFinished(() => client.close({ deadline: 100 }))
  const sees = (counts: object) =>
    vi.waitFor(() => expect(ingestOf(store.status().queues)).toEqual([{ queue: "ingest", ...counts }]), 20_000)

  await sees({ due: 0, running: 0, parked: 0, oldest: null })
  const before = Date.now()
  for (const key of ["a", "b"]) await client.enqueue(Buffer.from(key), { key })
  await sees({ due: 2, running: 0, parked: 0, oldest: expect.any(Number) })
  expect(store.status().queues.find(({ queue }) => queue === "ingest")!.oldest).toBeGreaterThanOrEqual(before)
  expect(samplesOf(await metrics.text(), "stored_queue_jobs")).toMatchObject({
    'stored_queue_jobs{queue="ingest",state="due"}': 2,
    'stored_queue_jobs{queue="ingest",state="running"}': 0,
    'stored_queue_jobs{queue="ingest",state="parked"}': 0,
  })
  await redis.kill()
  await vi.waitFor(() => expect(ingestOf(store.status().queues)).toEqual([]), 20_000)
  await redis.start()
  await sees({ due: 2, running: 0, parked: 0, oldest: expect.any(Number) })
})

it("a worker counts its tries, how long they took, and failures by code", async () => {
  const { client, startWorker } = await ingestLine(redis)
  const meter = new JobMetrics()
  await startWorker({ meter })
  await (await client.enqueue(Buffer.from("x"), { key: "k" })).finished(within)
  await expect((await client.enqueue("/nowhere/x", { key: "l" })).finished(within)).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
  })
  const text = await meter.text()
  expect(samplesOf(text, "stored_job_seconds_count")).toEqual({
    'stored_job_seconds_count{kind="ingest",outcome="done"}': 1,
    'stored_job_seconds_count{kind="ingest",outcome="failed"}': 1,
  })
  expect(samplesOf(text, "stored_job_failures_total")).toEqual({
    'stored_job_failures_total{backend="",code="PERMISSION_DENIED",kind="ingest"}': 1,
  })
})

it("the board shows them without bytes and without the query of an address", async () => {
  const { client, prefix } = await ingestLine(redis)
  const events = { lost: () => {}, found: () => {}, trouble: () => {} }
  const board = openBoardQueues({ url: redis.url, prefix, events })
  onTestFinished(() => board.close())
  await client.enqueue(Buffer.from("geheim"), { key: "k", metadata: { secret: "geheim" } })
  await client.enqueue(new URL("https://example.org/a?token=geheim"), { key: "l" })
  await client.enqueue(join("/in", "m"), { key: "m", backends: ["b"] })
  const [queue] = board.of(["ingest"])
  const jobs = await queue!.getJobs(["waiting"])
  const shown = jobs.map((job) => queue!.format("data", job.toJSON().data) as { source: object })
  expect(shown.map(({ source }) => source)).toEqual(
    expect.arrayContaining([{ inline: 6 }, { url: "https://example.org/a" }, { path: "/in/m" }]),
  )
  expect(JSON.stringify(shown)).not.toMatch(/geheim|Z2VoZWlt/)
  expect(queue!.format("data", { anything: "geheim" })).toEqual({})
})
