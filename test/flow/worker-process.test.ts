/** Server and workers as processes, with a real Redis between them: jobs come through, signals end a worker in order, mistakes are one line each. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { readMetrics } from "../unit/metrics-text.ts"
import { TOKEN } from "../unit/worker-desk.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const MAIN = new URL("../../workers/main.ts", import.meta.url).pathname

function startWorker(env: Record<string, string>, words: string[] = []) {
  const { STORED_URL, STORED_LOG, STORED_WORKER_TOKEN, REDIS_URL, ...inherited } = process.env
  const child = spawn(process.execPath, [MAIN, ...words], { env: { ...inherited, ...env } })
  let out = ""
  let err = ""
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()))
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, out, err }))
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  const works = new Promise<void>((resolve, reject) => {
    child.stdout.on("data", () => /queues .*\n/.test(out) && resolve())
    ended.then(() => reject(new Error(`the worker ended: ${err}`)), reject)
  })
  // Only some tests wait for it.
  works.catch(() => {})
  return { child, ended, works, said: () => out + err }
}

describe("a worker's process", () => {
  it("tells all mistakes of its environment, a line each, and shows no secret", async () => {
    const { ended } = startWorker({ REDIS_URL: "geheim://x", STORED_WORKER_TOKEN: "geheim", STORED_LOG: "loud" })
    const { code, err } = await ended
    expect(code).toBe(2)
    expect(err.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^stored: REDIS_URL: .* \[INVALID_CONFIG\]$/),
      expect.stringMatching(/^stored: STORED_WORKER_TOKEN: .* \[INVALID_CONFIG\]$/),
      expect.stringMatching(/^stored: STORED_LOG: .* \[INVALID_CONFIG\]$/),
    ])
    expect(err).not.toContain("geheim")
  })

  it("tells wrong words in a line, and helps", async () => {
    const wrong = await startWorker({}, ["scan"]).ended
    expect([wrong.code, wrong.err.trimEnd().split("\n").length]).toEqual([2, 1])
    const help = await startWorker({}, ["--help"]).ended
    expect([help.code, help.err]).toEqual([0, ""])
    expect(help.out).toMatch(/--concurrency/)
  })

  it("ends in order while it waits for a server that is not there", async () => {
    const env = { REDIS_URL: "redis://127.0.0.1:1", STORED_URL: "http://127.0.0.1:1", STORED_WORKER_TOKEN: TOKEN }
    const worker = startWorker(env)
    await vi.waitFor(() => expect(worker.said()).toContain("configuration cannot be had"), { timeout: 20_000 })
    worker.child.kill("SIGTERM")
    expect(await worker.ended).toMatchObject({ code: 0 })
  })
})

describe("with a server and Redis", () => {
  let redis: RedisServer

  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  async function startServer() {
    const directory = await temporaryDirectory()
    const backends = {
      a: { driver: "fs", root: join(directory, "a") },
      b: { driver: "fs", root: join(directory, "b") },
    }
    await writeFile(join(directory, "c.json"), JSON.stringify({ backends, checksums: ["sha256", "md5"] }))
    const env = { REDIS_URL: redis.url, STORED_WORKER_TOKEN: TOKEN, STORED_QUEUE_PREFIX: `t${process.pid}` }
    const server = await startProcess({
      ...env,
      STORED_DATA: join(directory, "data"),
      STORED_CONFIG: join(directory, "c.json"),
    })
    return { server, env: { ...env, STORED_URL: server.url, STORED_LOG: "info" } }
  }

  it("jobs come through, and SIGTERM ends the worker with 0", async () => {
    const { server, env } = await startServer()
    const worker = startWorker(env)
    await worker.works
    const put = await fetch(`${server.url}/v1/objects/k?`, {
      method: "PUT",
      body: Buffer.alloc(300_000, "x"),
      headers: { "x-stored-durability": "all", "x-stored-wait": "30000" },
    })
    expect(put.status).toBe(201)
    await vi.waitFor(async () => {
      const metadata = await (await fetch(`${server.url}/v1/metadata/k`)).json()
      expect(metadata).toMatchObject({
        checksums: { md5: expect.stringMatching(/^[0-9a-f]{32}$/) },
        locations: [{ synced: true }, { synced: true }],
      })
    }, 20_000)
    worker.child.kill("SIGTERM")
    const { code, err } = await worker.ended
    expect(code).toBe(0)
    expect(worker.said()).toContain("sync-a")
    expect(err + server.said()).not.toContain(TOKEN)
  })

  it("a worker tells its metrics where it was given a port, and not without the token", async () => {
    const { server, env } = await startServer()
    const token = "metrics-token-0123456789"
    const worker = startWorker({ ...env, STORED_METRICS_PORT: "0", STORED_METRICS_TOKEN: token })
    await worker.works
    const url = /tells metrics at (http:\/\/127\.0\.0\.1:\d+\/metrics)\n/.exec(worker.said())?.[1] ?? ""
    const put = await fetch(`${server.url}/v1/objects/m`, {
      method: "PUT",
      body: "12345",
      headers: { "x-stored-durability": "all", "x-stored-wait": "30000" },
    })
    expect(put.status).toBe(201)
    const text = await (await fetch(url, { headers: { authorization: `Bearer ${token}` } })).text()
    const all = readMetrics(text)
    expect(all.get('stored_job_seconds_count{kind="sync",outcome="done"}')).toBe(2)
    expect(all.get('stored_bytes_total{direction="copied"}')).toBe(10)
    expect(all.get("process_start_time_seconds")).toBeGreaterThan(0)
    expect((await fetch(url)).status).toBe(401)
    worker.child.kill("SIGTERM")
    expect(await worker.ended).toMatchObject({ code: 0 })
    expect(worker.said()).not.toContain(token)
    await expect(fetch(url)).rejects.toThrow()
  })

  it("a wrong token is told in a line", async () => {
    const { env } = await startServer()
    const { code, err } = await startWorker({ ...env, STORED_WORKER_TOKEN: "another-token-0123456789" }).ended
    expect(code).toBe(5)
    expect(err).toMatch(/^stored: .*STORED_WORKER_TOKEN.* \[PERMISSION_DENIED\]\n$/)
  })
})
