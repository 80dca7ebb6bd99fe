/**
 * Queued puts with server and workers as processes: what a kill -9 of a worker, an end of the server and a restart of Redis leave is one put, told to
 * whoever waits for it.
 */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { createServer as createTlsServer } from "node:https"
import { type AddressInfo, createServer, connect as dial } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { connect } from "../../src/client.ts"
import { type OwnRedisServer, startOwnRedis } from "../redis-server.ts"
import { makeCertificate } from "../unit/ingest-certificate.ts"
import { TOKEN } from "../unit/worker-desk.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const MAIN = new URL("../../workers/main.ts", import.meta.url).pathname
const within = (ms = 50_000) => ({ signal: AbortSignal.timeout(ms) })

let redis: OwnRedisServer

beforeAll(async () => {
  redis = await startOwnRedis(["--appendfsync", "always"])
})
afterAll(() => redis.stop())

async function startServer() {
  const directory = await temporaryDirectory()
  const prefix = `t${randomBytes(6).toString("hex")}`
  const env = { REDIS_URL: redis.url, STORED_WORKER_TOKEN: TOKEN, STORED_WORKER_LOCK: "1500" }
  const server = await startProcess({ ...env, STORED_QUEUE_PREFIX: prefix, STORED_DATA: join(directory, "data") })
  const client = connect(server.url, { redis: { url: redis.url, prefix } })
  onTestFinished(() => client.close({ deadline: 100 }))
  return { directory, server, client, env: { ...env, STORED_URL: server.url, STORED_LOG: "info" } }
}

async function startWorker(env: Record<string, string>, words = ["ingest"]) {
  const child = spawn(process.execPath, [MAIN, ...words], { env: { ...process.env, ...env } })
  const ended = once(child, "close")
  let said = ""
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  const works = new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (/queues .*\n/.test(said)) resolve()
    })
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString()
    })
    ended.then(() => reject(new Error(`the worker ended: ${said}`)), reject)
  })
  await works
  return {
    said: () => said,
    end: async (signal: NodeJS.Signals) => {
      child.kill(signal)
      return (await ended) as [number | null, NodeJS.Signals | null]
    },
  }
}

/** Stands before the server. `hold` lets requests through and keeps the answers to puts back, and tells once one has come. */
async function proxyTo(url: string) {
  const target = new URL(url)
  const held = Promise.withResolvers<void>()
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((near) => {
    const far = dial(Number(target.port), target.hostname)
    let isPut = false
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => {
        near.destroy()
        far.destroy()
      })
    }
    near.on("data", (chunk: Buffer) => {
      if (chunk.toString("latin1").match(/^(?:PUT|POST) /)) isPut = true
      far.write(chunk)
    })
    far.on("data", (chunk: Buffer) => {
      if (isPut) held.resolve()
      else near.write(chunk)
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, answered: held.promise }
}

describe("an ingest worker as a process", () => {
  it("does what its environment allows, beside other kinds, and shows neither token nor query", async () => {
    const { key, cert } = await makeCertificate()
    const files = createTlsServer({ key, cert }, (_, response) => response.end("of a URL")).listen(0, "127.0.0.1")
    await once(files, "listening")
    onTestFinished(() => void files.close())
    const { directory, client, env } = await startServer()
    const origin = `https://localhost:${(files.address() as AddressInfo).port}`
    await writeFile(join(directory, "cert.pem"), cert)
    await writeFile(join(directory, "a.txt"), "of a file")
    const worker = await startWorker(
      {
        ...env,
        STORED_TOKEN: "geheim-token",
        STORED_INGEST_ROOTS: directory,
        STORED_INGEST_URLS: `${origin}/in`,
        STORED_INGEST_PRIVATE: "1",
        NODE_EXTRA_CA_CERTS: join(directory, "cert.pem"),
      },
      [],
    )
    expect(worker.said()).toMatch(/queues .*sync-local.*checksum.*ingest|queues .*checksum.*sync-local.*ingest/)
    const byPath = await client.enqueue(join(directory, "a.txt"), { key: "path" })
    const byUrl = await client.enqueue(new URL(`${origin}/in/x?geheim-query`), { key: "url" })
    const refused = await client.enqueue(new URL(`${origin}/out?geheim-query`))
    await byPath.finished(within())
    await byUrl.finished(within())
    await expect(refused.finished(within())).rejects.toMatchObject({ code: "PERMISSION_DENIED" })
    expect(String(await client.get("path"))).toBe("of a file")
    expect(String(await client.get("url"))).toBe("of a URL")
    expect(await worker.end("SIGTERM")).toEqual([0, null])
    expect(worker.said()).toContain("a put by reference is done")
    expect(worker.said()).not.toContain("geheim")
  })

  it("takes nothing from the queue where nothing is allowed and nobody said ingest", async () => {
    const { env } = await startServer()
    expect((await startWorker(env, [])).said()).not.toContain("ingest")
    expect((await startWorker(env)).said()).toMatch(/queues +ingest\n/)
  })

  it("killed after the server has committed, leaves a put that is not done a second time", async () => {
    const { server, client, env } = await startServer()
    const proxy = await proxyTo(server.url)
    const first = await startWorker({ ...env, STORED_URL: proxy.url })
    const handle = await client.enqueue(Buffer.from("once"), { key: "k", metadata: { a: 1 } })
    const conditional = await client.enqueue(Buffer.from("absent"), { key: "c", ifAbsent: true })
    const free = await client.enqueue(Buffer.from("without a key"))
    await proxy.answered
    while ((await client.status()).objects < 3) await new Promise(setImmediate)
    expect(await handle.state()).toBe("active")
    await first.end("SIGKILL")
    await startWorker(env)
    expect(await handle.finished(within())).toMatchObject({ key: "k", version: 1, isNew: true, satisfied: true })
    expect(await conditional.finished(within())).toMatchObject({ key: "c", version: 1, isNew: true })
    expect(await free.finished(within())).toMatchObject({ version: 1, isNew: true })
    expect((await client.stat("k"))?.version).toBe(1)
  })

  it("killed after the server has committed, does not come back over what others have put since", async () => {
    const { server, client, env } = await startServer()
    const proxy = await proxyTo(server.url)
    const first = await startWorker({ ...env, STORED_URL: proxy.url })
    const handle = await client.enqueue(Buffer.from("old"), { key: "k" })
    await proxy.answered
    while (!(await client.has("k"))) await new Promise(setImmediate)
    await first.end("SIGKILL")
    await client.put(Buffer.from("new"), { key: "k" })
    await startWorker(env)
    expect(await handle.finished(within())).toMatchObject({ key: "k", version: 1, size: 3, state: "DELETED" })
    expect(String(await client.get("k"))).toBe("new")
    expect((await client.stat("k"))?.version).toBe(2)
  })

  it("killed while it sends, leaves the put to the next one; SIGTERM hands it back", async () => {
    const { directory, client, env } = await startServer()
    const gate = Promise.withResolvers<void>()
    const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let requests = 0
    const { key, cert } = await makeCertificate()
    const bytes = randomBytes(300_000)
    const files = createTlsServer({ key, cert }, async (_, response) => {
      const number = requests
      requests += 1
      response.writeHead(200, { "content-length": String(bytes.length) }).write(bytes.subarray(0, 200_000))
      begun[number]?.resolve()
      if (number < 2) return
      await gate.promise
      response.end(bytes.subarray(200_000))
    }).listen(0, "127.0.0.1")
    await once(files, "listening")
    onTestFinished(() => {
      files.closeAllConnections()
      files.close()
    })
    await writeFile(join(directory, "cert.pem"), cert)
    const origin = `https://localhost:${(files.address() as AddressInfo).port}`
    const allowed = {
      ...env,
      STORED_INGEST_URLS: origin,
      STORED_INGEST_PRIVATE: "1",
      STORED_WORKER_GRACE: "0",
      NODE_EXTRA_CA_CERTS: join(directory, "cert.pem"),
    }
    const handle = await client.enqueue(new URL(origin), { key: "k" })
    const first = await startWorker(allowed)
    await begun[0]!.promise
    expect(await first.end("SIGTERM")).toEqual([0, null])
    expect(await handle.state()).toBe("waiting")
    const second = await startWorker(allowed)
    await begun[1]!.promise
    await second.end("SIGKILL")
    await startWorker(allowed)
    await begun[2]!.promise
    gate.resolve()
    expect(await handle.finished(within())).toMatchObject({ version: 1, size: bytes.length })
    expect(await client.get("k")).toEqual(bytes)
    expect(requests).toBe(3)
  })

  it("waits for a server that is away, which costs no try", async () => {
    const { directory, server, client, env } = await startServer()
    const worker = await startWorker(env)
    await server.end("SIGKILL")
    const handle = await client.enqueue(Buffer.from("x"), { key: "k" })
    while (!worker.said().includes("waits for the server")) await new Promise(setImmediate)
    expect(await handle.state()).toBe("active")
    await startProcess({
      ...env,
      STORED_DATA: join(directory, "data"),
      STORED_PORT: new URL(server.url).port,
    })
    expect(await handle.finished(within())).toMatchObject({ version: 1 })
    expect(worker.said()).not.toContain("failed")
  })

  it("and a client that waits outlive a Redis that is killed and comes back", async () => {
    const { client, env } = await startServer()
    const handle = await client.enqueue(Buffer.from("x"), { key: "k" })
    const finished = handle.finished(within())
    finished.catch(() => {})
    await redis.kill()
    await expect(handle.state()).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
    await expect(client.enqueue(Buffer.from("y"))).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" })
    const short = handle.finished({ signal: AbortSignal.timeout(100) })
    await expect(short).rejects.toMatchObject({ code: "ABORTED" })
    await redis.start()
    await startWorker(env)
    expect(await finished).toMatchObject({ key: "k", version: 1 })
    expect(await (await client.enqueue(Buffer.from("y"), { key: "l" })).finished(within())).toMatchObject({
      version: 1,
    })
  })
})
