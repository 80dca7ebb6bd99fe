/**
 * The secrets of an S3 backend that works, and those that the processes are started with, are found nowhere they do not belong: over a server and a worker as processes
 * of their own, in their logs, spans, metrics and answers, in Redis, on disk, and in what the doctor says.
 */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest"
import { openS3Proxy } from "../fault/s3-proxy.ts"
import { startCollector } from "../otlp-collector.ts"
import { type OwnRedisServer, startOwnRedis } from "../redis-server.ts"
import { makeBucket } from "../s3-bucket.ts"
import { dumpRedis } from "./dump-redis.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const [WORKER, CLI] = ["../../workers/main.ts", "../../src/cli/main.ts"].map(
  (path) => new URL(path, import.meta.url).pathname,
)
const SCAN = "canary-scan-secret-4c11"
const TOKENS = { STORED_WORKER_TOKEN: "canary-worker-token-77aa", STORED_METRICS_TOKEN: "canary-metrics-token-1b0c" }
const MASTER = randomBytes(32).toString("base64")
const ON_S3 = { "x-stored-backends": "s3" }
const PATIENCE = { ...ON_S3, "x-stored-durability": "all", "x-stored-wait": "60000" }

let redis: OwnRedisServer
beforeAll(async () => {
  redis = await startOwnRedis()
})
afterAll(() => redis.stop())

/** A process whose every word is kept. `end` has it stop by itself. */
function start(words: string[], env: Record<string, string>) {
  const { STORED_URL: _, STORED_CONFIG: __, ...inherited } = process.env
  const child = spawn(process.execPath, words, { env: { ...inherited, ...env } })
  const ended = once(child, "close")
  const said = Promise.all([text(child.stdout), text(child.stderr)])
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  return { said: async () => (await said).join("\n"), end: () => child.kill("SIGTERM") }
}

async function filesUnder(directory: string): Promise<[path: string, bytes: Buffer][]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(paths.map(async (path): Promise<[string, Buffer]> => [path, await readFile(path)]))
}

test("the secrets of an S3 backend at work are found nowhere", { timeout: 120_000 }, async () => {
  const bucket = await makeBucket()
  onTestFinished(() => bucket.remove())
  const proxy = await openS3Proxy(bucket.server.endpoint)
  onTestFinished(() => proxy.close())
  const collector = await startCollector()
  const data = join(await temporaryDirectory(), "data")
  const env = {
    ...TOKENS,
    REDIS_URL: redis.url,
    STORED_QUEUE_PREFIX: `cs${process.pid}`,
    STORED_LOG: "trace",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "60000",
  }
  const own = { STORED_DATA: data, STORED_MASTER_KEY: MASTER }
  const secret = bucket.server.secretAccessKey
  const canaries = [secret, SCAN, MASTER, ...Object.values(TOKENS)]
  const found = (bytes: Buffer | string): string[] => canaries.filter((canary) => bytes.includes(canary))

  const server = await startProcess({ ...env, ...own })
  const answers: string[] = []
  const send = async (method: string, path: string, more: RequestInit = {}): Promise<number> => {
    const answer = await fetch(server.url + path, { method, ...more })
    answers.push(JSON.stringify([path, answer.status, [...answer.headers], await answer.text()]))
    return answer.status
  }
  const settings = { ...bucket.config({ endpoint: proxy.endpoint }), scan: { every: "off", secret: SCAN } }
  expect(await send("PUT", "/v1/backends/s3", { body: JSON.stringify(settings) })).toBe(201)
  const worker = start([WORKER!], { ...env, STORED_URL: server.url })

  // What works, what is refused for a while, and what is refused for good.
  expect(await send("PUT", "/v1/objects/good", { body: "content", headers: PATIENCE })).toBe(201)
  const body = `<Error><Code>SignatureDoesNotMatch</Code><Message>${secret} ${SCAN}</Message></Error>`
  proxy.fault = ({ operation }) => (operation === "PutObject" ? { answer: 403, body } : null)
  expect(await send("PUT", "/v1/objects/bad", { body: "other content", headers: ON_S3 })).toBe(201)
  expect(await send("POST", "/v1/backends/s3/test")).toBeGreaterThanOrEqual(400)
  while (!answers.at(-1)?.includes('\\"bad\\"')) await send("GET", "/v1/failed")
  proxy.fault = () => null
  const event = JSON.stringify({ Records: [] })
  for (const token of [SCAN, "wrong"]) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
    await send("POST", "/v1/notifications/s3", { body: event, headers })
  }
  for (const path of [
    "/v1/backends",
    "/v1/backends/s3",
    "/v1/status",
    "/v1/journal?limit=1000",
    "/v1/failed",
    "/ready",
  ])
    expect(await send("GET", path)).toBe(200)
  const bearer = { headers: { authorization: `Bearer ${TOKENS.STORED_METRICS_TOKEN}` } }
  expect(await send("GET", "/metrics", bearer)).toBe(200)
  const inRedis = await dumpRedis(redis.url)
  // The one way out, for workers alone, which also shows that the search finds what is there.
  const internal = await fetch(`${server.url}/internal/configuration`, {
    headers: { authorization: `Bearer ${TOKENS.STORED_WORKER_TOKEN}` },
  })
  expect(found(await internal.text())).toEqual([secret, SCAN])

  worker.end()
  const workerSaid = await worker.said()
  const { err } = await server.end()
  const doctor = start([CLI!, "doctor", "--json"], own)
  const doctorSaid = await doctor.said()

  expect(answers.filter((answer) => found(answer).length > 0)).toEqual([])
  expect(answers.some((answer) => answer.includes("stored_"))).toBe(true)
  for (const [what, said, knows] of [
    ["server", err, "s3"],
    ["worker", workerSaid, "sync-s3"],
    ["spans", collector.raw(), "backend.put"],
    ["doctor", doctorSaid, "{"],
    ["redis", inRedis, "sync-s3"],
  ] as const) {
    expect([what, found(said)]).toEqual([what, []])
    expect(said.includes(knows), `${what} says something`).toBe(true)
  }
  for (const [path, bytes] of await filesUnder(data)) expect([path, found(bytes)]).toEqual([path, []])
})
