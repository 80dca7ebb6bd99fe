/** A whole worker in this process, over HTTP, beside a real store: jobs of both kinds, a configuration that changes, ends in order. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Writable } from "node:stream"
import { pino } from "pino"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { CHECKSUM_QUEUE, type Job, syncQueue } from "../../queues/job.ts"
import { buildApp } from "../../src/api/app.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { ChecksumPool } from "../../src/checksums/pool.ts"
import type { BlobId } from "../../src/core/blob-id.ts"
import { content } from "../../src/store/content.ts"
import { suspect } from "../../src/store/suspect.ts"
import { hashThread } from "../../workers/hash-thread-url.ts"
import { ServerClient } from "../../workers/server-client.ts"
import { Worker, type WorkerOptions } from "../../workers/worker.ts"
import { MemoryTransport } from "../unit/memory-transport.ts"
import { orderFor, pointerTo, TestDesk, TOKEN } from "../unit/worker-desk.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

const BYTES = Buffer.alloc(700_000, "worker ")
const SMALL = Buffer.from("a small one")

interface World {
  desk: TestDesk
  transport: MemoryTransport
  worker: Worker
  /** of the backend `b`, which only the worker knows */
  root: string
  lines: string[]
  ids: { large: BlobId; small: BlobId }
  asked: string[]
  directory: string
  queues: string[][]
  server: { start(): Promise<void>; stop(): Promise<void> }
}

/** A store with two blobs, its server with a desk of the test, and a worker that is not started. */
async function makeWorld(options: Partial<WorkerOptions> & { shared?: boolean } = {}): Promise<World> {
  const { shared = true, ...more } = options
  const opened = await openTestStore({ defaultBackends: ["a"] })
  const { directory, services } = opened
  const large = await opened.store.put(BYTES, { key: "large" })
  const small = await opened.store.put(SMALL, { key: "small" })
  await opened.store.idle()
  const root = await temporaryDirectory()
  const desk = new TestDesk()
  const staging = join(directory, "staging")
  await writeFile(join(staging, "probe"), "ours")
  desk.staging = { directory: staging, probe: { file: "probe", text: shared ? "ours" : "theirs" } }
  desk.backends = [{ name: "b", settings: { driver: "fs", root }, concurrency: 2 }]
  const asked: string[] = []
  const build = () => {
    const app = buildApp({
      store: opened.store,
      internal: {
        token: TOKEN,
        services: () => ({
          desk,
          content: (id, size, signal, except) => {
            asked.push(id)
            return content(services, id, size, signal, except)
          },
          suspect: (id) => suspect(services, id).then(() => {}),
        }),
      },
    })
    return app
  }
  let app = build()
  await app.listen({ host: "127.0.0.1", port: 0 })
  const { port } = app.server.address() as { port: number }
  const stop = async (): Promise<void> => {
    const closed = app.close()
    app.server.closeAllConnections()
    await closed
  }
  const server = {
    stop,
    start: async () => {
      app = build()
      await app.listen({ host: "127.0.0.1", port })
    },
  }
  const transport = new MemoryTransport()
  const lines: string[] = []
  const log = pino({ level: "trace" }, new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }))
  const queues: string[][] = []
  const worker = new Worker({
    server: new ServerClient({ url: new URL(`http://127.0.0.1:${port}`), token: TOKEN }),
    openIntakes: () => transport,
    kinds: ["sync", "checksum"],
    backends: null,
    concurrency: null,
    pool: new ChecksumPool({ thread: hashThread, maxThreads: 1 }),
    hashers: await createHashers(),
    log,
    grace: 10_000,
    retryEvery: 5,
    moment: 1_000,
    exchange: { heartbeat: 5 },
    backoff: { first: 1, most: 5 },
    onQueues: (names) => void queues.push(names),
    ...more,
  })
  onTestFinished(async () => {
    await worker.stop()
    await stop()
  })
  const ids = { large: large.id, small: small.id }
  return { desk, transport, worker, root, lines, ids, asked, directory, queues, server }
}

const wanted = (id: BlobId, size: number) => ({ id, size, mimeType: "text/plain" })

function checksumOrder(id: BlobId, size: number) {
  const job: Job = { version: 1, kind: "checksum", id, size, algorithms: ["md5", "xxh3"] }
  return { claim: `claim-${size}`, job, deadline: 60_000 }
}

describe.each([
  ["that shares the disk", true],
  ["that does not", false],
])("a worker %s", (_, shared) => {
  it("writes, proves and clears copies, and hashes", async () => {
    const { desk, transport, worker, root, ids, asked } = await makeWorld({ shared, backends: ["b"] })
    await worker.start()
    expect(worker.queues.toSorted()).toEqual([CHECKSUM_QUEUE, syncQueue("b")])
    desk.orders.set("j1", orderFor("x/large", { want: wanted(ids.large, BYTES.length) }))
    desk.orders.set("j2", orderFor("small", { want: wanted(ids.small, SMALL.length) }))
    desk.orders.set("j3", checksumOrder(ids.large, BYTES.length))
    desk.orders.set("j4", checksumOrder(ids.small, SMALL.length))
    await transport.send(syncQueue("b"), [
      { id: "j1", pointer: pointerTo("x/large") },
      { id: "j2", pointer: pointerTo("small") },
    ])
    await transport.send(CHECKSUM_QUEUE, [
      { id: "j3", pointer: { version: 1, kind: "checksum", id: ids.large } },
      { id: "j4", pointer: { version: 1, kind: "checksum", id: ids.small } },
    ])
    const synced = { type: "synced", have: ids.large, verified: { by: "checksum" }, seen: { size: BYTES.length } }
    expect(await desk.resultOf("claim-x/large")).toMatchObject(synced)
    expect(await desk.resultOf("claim-small")).toMatchObject({ type: "synced", have: ids.small })
    expect((await readFile(join(root, "x/large"))).equals(BYTES)).toBe(true)
    for (const size of [BYTES.length, SMALL.length]) {
      const checksums = { md5: expect.stringMatching(/^[0-9a-f]{32}$/), xxh3: expect.stringMatching(/^[0-9a-f]+$/) }
      expect(await desk.resultOf(`claim-${size}`)).toMatchObject({ type: "hashed", checksums })
    }
    desk.orders.set("j5", orderFor("small", { claim: "clear" }))
    await transport.send(syncQueue("b"), [{ id: "j5", pointer: pointerTo("small") }])
    expect(await desk.resultOf("clear")).toMatchObject({ type: "synced", have: null, verified: { by: "absence" } })
    await expect(readFile(join(root, "small"))).rejects.toMatchObject({ code: "ENOENT" })
    expect(asked.length > 0).toBe(!shared)
  })
})

describe("a worker", () => {
  it("tells a failure as the backend's, and calls bytes suspect that do not hash to their id", async () => {
    const { desk, transport, worker, ids, directory, lines } = await makeWorld()
    await worker.start()
    const [algorithm, hex] = ids.large.split(":") as [string, string]
    const staged = join(directory, "staging/content-v2", algorithm, hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
    await writeFile(staged, Buffer.alloc(BYTES.length, "x"))
    desk.orders.set("j1", orderFor("k", { want: wanted(ids.large, BYTES.length) }))
    await transport.send(syncQueue("b"), [{ id: "j1", pointer: pointerTo("k") }])
    expect(await desk.resultOf("claim-k")).toMatchObject({ type: "failed", error: { code: "BACKEND_UNAVAILABLE" } })
    // The server has looked: the bad bytes are out of the way, and the next try gets those of the other copy.
    await expect(readFile(staged)).rejects.toMatchObject({ code: "ENOENT" })
    desk.orders.set("j2", orderFor("k", { claim: "again", want: wanted(ids.large, BYTES.length) }))
    await transport.send(syncQueue("b"), [{ id: "j2", pointer: pointerTo("k") }])
    expect(await desk.resultOf("again")).toMatchObject({ type: "synced", have: ids.large })
    expect(lines.join("")).not.toContain(TOKEN)
  })

  it("drops what it does not understand, and goes on", async () => {
    const { desk, transport, worker, lines } = await makeWorld()
    await worker.start()
    transport.inject(syncQueue("b"), "odd", { version: 1 })
    transport.inject(CHECKSUM_QUEUE, "odder", "text")
    desk.orders.set("j1", orderFor("k"))
    await transport.send(syncQueue("b"), [{ id: "j1", pointer: pointerTo("k") }])
    expect(await desk.resultOf("claim-k")).toMatchObject({ type: "synced", have: null })
    const dropped = lines.filter((line) => line.includes("nobody understands"))
    expect(dropped.map((line) => (JSON.parse(line) as { jobId: string }).jobId).toSorted()).toEqual(["odd", "odder"])
    expect(await transport.missing(syncQueue("b"), ["odd"])).toEqual(["odd"])
  })

  it("works for those kinds and backends only that it is told", async () => {
    const { worker, desk } = await makeWorld({ kinds: ["sync"], backends: ["c"] })
    desk.backends.push({ name: "c", settings: { driver: "fs", root: await temporaryDirectory() }, concurrency: 1 })
    await worker.start()
    expect(worker.queues).toEqual([syncQueue("c")])
    const told = await desk.until(({ messages }) => messages.find(({ worker: { backends } }) => backends.length > 0))
    expect(told.worker).toMatchObject({ kinds: ["sync"], backends: ["c"], taking: true, running: 0 })
  })

  it("follows the configuration: backends that come, go and change", async () => {
    const { worker, desk, transport, root } = await makeWorld()
    await worker.start()
    const other = await temporaryDirectory()
    const until = (names: string[]) => vi.waitFor(() => expect(worker.queues.toSorted()).toEqual(names))
    desk.backends = [...desk.backends, { name: "c", settings: { driver: "fs", root: other }, concurrency: 1 }]
    desk.revision = "r2"
    await until([CHECKSUM_QUEUE, syncQueue("b"), syncQueue("c")])
    desk.backends = desk.backends.slice(1)
    desk.revision = "r3"
    await until([CHECKSUM_QUEUE, syncQueue("c")])
    expect(transport.taken.toSorted()).toEqual([CHECKSUM_QUEUE, syncQueue("c")])
    await writeFile(join(other, "k"), "there before")
    await writeFile(join(root, "k"), "there before")
    desk.backends = [{ name: "c", settings: { driver: "fs", root }, concurrency: 1 }]
    desk.revision = "r4"
    const revised = desk.messages.length
    await desk.until(({ messages }) => messages.length > revised + 2)
    desk.orders.set("j1", orderFor("k", { job: { ...orderFor("k").job, backend: "c" } as Job }))
    await vi.waitFor(() => expect(transport.taken.toSorted()).toEqual([CHECKSUM_QUEUE, syncQueue("c")]))
    await transport.send(syncQueue("c"), [{ id: "j1", pointer: pointerTo("k", "c") }])
    await desk.resultOf("claim-k")
    await expect(readFile(join(root, "k"))).rejects.toMatchObject({ code: "ENOENT" })
    expect(await readFile(join(other, "k"), "utf8")).toBe("there before")
  })

  it("leaves out a backend whose root is not there, without making it, until it is", async () => {
    const { worker, root, lines } = await makeWorld()
    await rm(root, { recursive: true })
    await worker.start()
    expect(worker.queues).toEqual([CHECKSUM_QUEUE])
    await expect(readFile(root)).rejects.toMatchObject({ code: "ENOENT" })
    expect(lines.some((line) => line.includes("cannot be opened here"))).toBe(true)
    await mkdir(root)
    await vi.waitFor(() => expect(worker.queues.toSorted()).toEqual([CHECKSUM_QUEUE, syncQueue("b")]))
  })

  it("on another host leaves out what lies on the server's disk", async () => {
    const { worker, lines } = await makeWorld({ shared: false })
    await worker.start()
    expect(worker.queues).toEqual([CHECKSUM_QUEUE])
    expect(lines.some((line) => line.includes("BACKEND_REFUSED"))).toBe(true)
  })

  it("outlasts a server that starts again: nothing that was done is lost", async () => {
    const { worker, desk, transport, server } = await makeWorld()
    await worker.start()
    desk.orders.set("j1", orderFor("k"))
    desk.before = ({ claims }) => {
      if (claims.length === 0) return
      // Claimed, and gone before the result.
      desk.before = () => {}
      setImmediate(() => void server.stop().then(() => server.start()))
    }
    await transport.send(syncQueue("b"), [{ id: "j1", pointer: pointerTo("k") }])
    expect(await desk.resultOf("claim-k")).toMatchObject({ type: "synced" })
  })

  it("waits for a server that is not there yet", async () => {
    const { worker, server, lines } = await makeWorld()
    await server.stop()
    const started = worker.start()
    await vi.waitFor(() => expect(lines.join("")).toContain("still cannot be had"))
    await server.start()
    await started
    expect(worker.queues).toHaveLength(2)
  })

  it("can be stopped while it waits for the server", async () => {
    const { worker, server } = await makeWorld()
    await server.stop()
    const started = expect(worker.start()).rejects.toMatchObject({ code: "CLOSED" })
    await worker.stop()
    await started
  })

  it("that the server does not take says so and does not begin", async () => {
    const { worker } = await makeWorld({
      server: new ServerClient({ url: new URL((await refusingServer()).url), token: "a-wrong-token-0123456789" }),
    })
    await expect(worker.start()).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
      message: expect.stringMatching(/STORED_WORKER_TOKEN/),
    })
  })

  it("that stops tells the server so, ends what runs, and takes no more", async () => {
    const { worker, desk, transport } = await makeWorld()
    await worker.start()
    desk.orders.set("j1", orderFor("k"))
    const gate = Promise.withResolvers<void>()
    desk.before = ({ claims }) => (claims.length > 0 ? gate.promise : undefined)
    await transport.send(syncQueue("b"), [{ id: "j1", pointer: pointerTo("k") }])
    await desk.until(({ messages }) => messages.some(({ claims }) => claims.length > 0))
    const stopped = worker.stop()
    await transport.send(syncQueue("b"), [{ id: "j2", pointer: pointerTo("l") }])
    gate.resolve()
    await stopped
    // It came after the end was near: somebody else is to have it.
    expect(await desk.resultOf("claim-k")).toEqual({ type: "returned" })
    expect(desk.messages.at(-1)!.worker).toMatchObject({ taking: false, running: 0 })
    expect(await transport.missing(syncQueue("b"), ["j2"])).toEqual([])
    expect(transport.taken).toEqual([])
  })
})

async function refusingServer(): Promise<{ url: string }> {
  const { store } = await openTestStore()
  const desk = new TestDesk()
  const services = { desk, content: async () => Promise.reject(new Error("no")), suspect: async () => {} }
  const app = buildApp({ store, internal: { token: TOKEN, services: () => services } })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  const { port } = app.server.address() as { port: number }
  return { url: `http://127.0.0.1:${port}` }
}
