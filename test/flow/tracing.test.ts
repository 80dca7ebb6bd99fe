/** Spans, as a collector gets them: one trace over server and worker with a real Redis between them, and none of it where nobody asks. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest"
import { connect } from "../../src/client.ts"
import { type CollectedSpan, type Collector, startCollector } from "../otlp-collector.ts"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { TOKEN } from "../unit/worker-desk.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const SERVER = new URL("../../src/server.ts", import.meta.url).pathname
const WORKER = new URL("../../workers/main.ts", import.meta.url).pathname
const TRACE = "0af7651916cd43dd8448eb211c80319c"
const PARENT = "b7ad6b7169203331"
const WAIT = { "x-stored-durability": "all", "x-stored-wait": "30000" }

/** Long enough that only the end of the processes has them sent: then all of them are there. */
const SLOWLY = { OTEL_BSP_SCHEDULE_DELAY: "60000" }

async function startWorker(env: Record<string, string>, words: string[] = []) {
  const { STORED_LOG: _, ...inherited } = process.env
  const child = spawn(process.execPath, [WORKER, ...words], { env: { ...inherited, ...env } })
  const ended = once(child, "close")
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  let said = ""
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (/queues .*(sync-a|ingest)/.test(said)) resolve()
    })
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()))
    ended.then(() => reject(new Error(`the worker ended: ${said}`)), reject)
  })
  return {
    end: async () => {
      child.kill("SIGTERM")
      await ended
    },
  }
}

async function configured(): Promise<Record<string, string>> {
  const directory = await temporaryDirectory()
  const backends = { a: { driver: "fs", root: join(directory, "a") } }
  await writeFile(join(directory, "c.json"), JSON.stringify({ backends }))
  return { STORED_DATA: join(directory, "data"), STORED_CONFIG: join(directory, "c.json") }
}

function only(spans: CollectedSpan[], name: string): CollectedSpan {
  const found = spans.filter((span) => span.name === name)
  if (found.length === 1) return found[0]!
  throw new Error(`${found.length} of ${name} among ${spans.map((span) => span.name).join(", ")}`)
}

describe("over server and worker", () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  it("a put, its job and the calls to the backend are one trace, that of the caller; a read is another", async () => {
    const collector = await startCollector()
    const env = {
      ...{ REDIS_URL: redis.url, STORED_WORKER_TOKEN: TOKEN, STORED_QUEUE_PREFIX: `tr${process.pid}` },
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...SLOWLY },
    }
    const server = await startProcess({ ...env, ...(await configured()) })
    const worker = await startWorker({ ...env, STORED_URL: server.url })
    const put = await fetch(`${server.url}/v1/objects/secret-key?`, {
      method: "PUT",
      body: "hello",
      headers: { ...WAIT, traceparent: `00-${TRACE}-${PARENT}-01`, "x-request-id": "from-outside-1" },
    })
    expect(put.status).toBe(201)
    expect((await fetch(`${server.url}/v1/cache/clear`, { method: "POST" })).ok).toBe(true)
    const get = await fetch(`${server.url}/v1/objects/secret-key`)
    expect(await get.text()).toBe("hello")
    await worker.end()
    expect(await server.end()).toMatchObject({ code: 0 })

    const all = collector.spans()
    const spans = all.filter(({ traceId }) => traceId === TRACE)
    const request = only(spans, "PUT /v1/objects/*")
    expect(request).toMatchObject({ service: "stored-server", parentSpanId: PARENT, kind: 2, failed: false })
    expect(request.attributes).toMatchObject({
      "stored.operation": "putObject",
      "stored.request_id": "from-outside-1",
      "http.response.status_code": 201,
      "http.request.body.size": 5,
    })
    const verb = only(spans, "store.put")
    expect(verb).toMatchObject({ service: "stored-server", parentSpanId: request.spanId })
    expect(verb.attributes).toEqual({ "stored.operation": "put", "stored.size": 5 })
    const job = only(spans, "job.sync")
    expect(job).toMatchObject({ service: "stored-worker", parentSpanId: verb.spanId, kind: 5 })
    expect(job.attributes).toEqual({ "stored.operation": "sync", "adapter.name": "a", "stored.size": 5 })
    const call = only(spans, "backend.put")
    expect(call).toMatchObject({ service: "stored-worker", parentSpanId: job.spanId, kind: 3 })
    const fs = { "adapter.kind": "fs", "adapter.name": "a" }
    expect(call.attributes).toEqual({ ...fs, "stored.operation": "put", "stored.size": 5 })

    const read = only(all, "backend.get")
    const opened = all.find(({ spanId }) => spanId === read.parentSpanId)!
    expect(opened).toMatchObject({ name: "store.open", traceId: read.traceId })
    expect(only(all, "GET /v1/objects/*")).toMatchObject({ spanId: opened.parentSpanId, traceId: read.traceId })
    expect(read.traceId).not.toBe(TRACE)
    // Neither keys nor the talk between worker and server.
    expect(collector.raw()).not.toContain("secret-key")
    expect(collector.raw()).not.toContain(TOKEN)
    expect(all.filter(({ name }) => name.includes("/internal/exchange"))).toEqual([])
  })

  it("a put by reference is one trace, from the worker that takes it out of the queue to the server and its backend", async () => {
    const collector = await startCollector()
    const prefix = `ti${process.pid}`
    const env = {
      ...{ REDIS_URL: redis.url, STORED_WORKER_TOKEN: TOKEN, STORED_QUEUE_PREFIX: prefix },
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...SLOWLY },
    }
    const server = await startProcess({ ...env, ...(await configured()) })
    const worker = await startWorker({ ...env, STORED_URL: server.url }, ["ingest"])
    const client = connect(server.url, { redis: { url: redis.url, prefix } })
    const put = await client.enqueue(Buffer.from("hello"), { key: "secret-key" })
    expect(await put.finished({ signal: AbortSignal.timeout(60_000) })).toMatchObject({ version: 1 })
    await client.close()
    await worker.end()
    expect(await server.end()).toMatchObject({ code: 0 })

    const spans = collector.spans()
    const job = only(spans, "job.ingest")
    expect(job).toMatchObject({ service: "stored-worker", parentSpanId: "", kind: 5, failed: false })
    expect(job.attributes).toEqual({ "stored.operation": "ingest", "stored.source": "bytes" })
    const request = only(spans, "PUT /v1/objects/*")
    expect(request).toMatchObject({ service: "stored-server", traceId: job.traceId, parentSpanId: job.spanId })
    expect(only(spans, "store.put")).toMatchObject({ traceId: job.traceId, parentSpanId: request.spanId })
    expect(collector.raw()).not.toContain("secret-key")
  }, 120_000)
})

describe("in one process", () => {
  async function traced(env: Record<string, string>): Promise<{ collector: Collector; key: string }> {
    const collector = await startCollector()
    const shape = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...SLOWLY, ...env }
    const server = await startProcess({ ...shape, ...(await configured()) })
    const headers = { ...WAIT, traceparent: "00-none" }
    const put = await fetch(`${server.url}/v1/objects/told-key?`, { method: "PUT", body: "1", headers })
    expect(put.status).toBe(201)
    expect((await fetch(`${server.url}/v1/objects/absent`)).status).toBe(404)
    expect(await server.end()).toMatchObject({ code: 0 })
    return { collector, key: "told-key" }
  }

  it("keys are told where that is asked for, and a name of one's own; a bad parent begins a trace of its own", async () => {
    const { collector, key } = await traced({ STORED_TRACE_KEYS: "1", OTEL_SERVICE_NAME: "mine" })
    const spans = collector.spans()
    const request = only(spans, "PUT /v1/objects/*")
    expect(request).toMatchObject({ service: "mine", parentSpanId: "" })
    for (const name of ["store.put", "job.sync", "backend.put"]) {
      expect(only(spans, name)).toMatchObject({ traceId: request.traceId, attributes: { "stored.key": key } })
    }
    expect(spans.find(({ attributes }) => attributes["http.response.status_code"] === 404)).toMatchObject({
      failed: false,
      attributes: { "error.type": "NOT_FOUND" },
    })
  })
})

describe("beside the work", () => {
  it("nothing of OpenTelemetry is loaded unless somebody collects spans", async () => {
    const directory = await temporaryDirectory()
    const hook = join(directory, "hook.mjs")
    await writeFile(
      hook,
      `import { registerHooks } from "node:module"
       registerHooks({ load(url, context, next) {
         // The API alone comes with what counts.
         if (/@opentelemetry.(?!api.)/.test(url)) process.stderr.write("LOADED " + url + "\\n")
         return next(url, context)
       } })`,
    )
    const loads = async (env: Record<string, string>): Promise<boolean> => {
      const server = await startProcess({ ...env, ...(await configured()) }, ["--import", hook, SERVER])
      const { err } = await server.end()
      return err.includes("LOADED ")
    }
    expect(await loads({})).toBe(false)
    expect(await loads({ OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" })).toBe(true)
  })

  it("a collector that never answers holds up neither a request nor the end of the server, for long", async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
    const { port } = silent.address() as { port: number }
    onTestFinished(() => void silent.close())
    silent.on("connection", (socket) => onTestFinished(() => void socket.destroy()))
    const heard = once(silent, "connection")
    const shape = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_BSP_SCHEDULE_DELAY: "1" }
    const server = await startProcess({ ...shape, ...(await configured()) })
    const put = (): Promise<Response> => fetch(`${server.url}/v1/objects/k?`, { method: "PUT", body: "1" })
    expect((await put()).status).toBe(201)
    await heard
    expect((await put()).status).toBe(200)
    const began = performance.now()
    expect(await server.end()).toMatchObject({ code: 0 })
    expect(performance.now() - began).toBeLessThan(8_000)
  })

  it("a collector that is away is told of once", async () => {
    const away = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_TIMEOUT: "100" }
    const shape = { ...away, OTEL_BSP_SCHEDULE_DELAY: "1" }
    const server = await startProcess({ ...shape, ...(await configured()) })
    const ask = async (): Promise<void> => expect((await fetch(`${server.url}/v1/status`)).status).toBe(200)
    await ask()
    await vi.waitFor(() => expect(server.said()).toContain("spans cannot be delivered"), { timeout: 10_000 })
    await ask()
    const { code, err } = await server.end()
    expect(code).toBe(0)
    expect(err.match(/spans cannot be delivered/g)).toHaveLength(1)
  })
})
