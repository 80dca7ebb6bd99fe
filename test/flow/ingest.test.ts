/** Puts by reference: queued by a client, done by a worker in this process, with a real Redis and a real server. */
import { randomBytes } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Queue } from "bullmq"
import { Redis } from "ioredis"
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest"
import { connect } from "../../src/client.ts"
import { StoredError } from "../../src/core/error.ts"
import type { PutInput, PutOptions } from "../../src/store/store.ts"
import { freePort, type OwnRedisServer, startOwnRedis } from "../redis-server.ts"
import { ingestLine } from "./ingest-line.ts"
import { temporaryDirectory } from "./open-store.ts"

let redis: OwnRedisServer

beforeAll(async () => {
  redis = await startOwnRedis()
})
afterAll(() => redis.stop())

const within = (ms = 20_000) => ({ signal: AbortSignal.timeout(ms) })
const faultOf = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: unknown) => error as StoredError,
  )

describe("a queued put", () => {
  it("of bytes waits for a worker, is done by it, and its handle gives the result, here and elsewhere", async () => {
    const { client, store, url, prefix, startWorker } = await ingestLine(redis)
    const bytes = randomBytes(64 * 1024)
    const handle = await client.enqueue(bytes, {
      key: "in/a.png",
      metadata: { album: "2026" },
      checksums: {},
      backends: ["b"],
    })
    expect(await handle.state()).toBe("waiting")
    await startWorker()
    const result = await handle.finished(within())
    expect(result).toMatchObject({
      key: "in/a.png",
      version: 1,
      isNew: true,
      satisfied: true,
      mimeType: "image/png",
      custom: { album: "2026" },
      locations: [{ backend: "b" }],
    })
    expect(await store.get("in/a.png")).toEqual(bytes)
    const other = connect(url, { redis: { url: redis.url, prefix } })
    onTestFinished(() => other.close())
    expect(await other.enqueued(handle.id).finished(within())).toEqual(result)
    expect(await other.enqueued(handle.id).state()).toBe("done")
  })

  it("of a file under a root, without a key, has one from its checksum and the type of its name", async () => {
    const { client, store, startWorker } = await ingestLine(redis)
    const root = await temporaryDirectory()
    const bytes = randomBytes(3_000_000)
    await writeFile(join(root, "film.mp4"), bytes)
    await startWorker({ roots: [root] })
    const result = await (await client.enqueue(join(root, "film.mp4"))).finished(within())
    expect(result).toMatchObject({ size: 3_000_000, mimeType: "video/mp4" })
    expect(await store.get(result.key)).toEqual(bytes)
  })

  it("of nothing at all is one of 0 bytes", async () => {
    const { client, startWorker } = await ingestLine(redis)
    await startWorker()
    expect(await (await client.enqueue(new Uint8Array(), { key: "empty" })).finished(within())).toMatchObject({
      size: 0,
      version: 1,
    })
  })

  it("is done once for one id, and another put under the id is refused", async () => {
    const { client, store, startWorker } = await ingestLine(redis)
    const [first, again] = await Promise.all([
      client.enqueue(Buffer.from("x"), { id: "123", key: "k", ifAbsent: false }),
      client.enqueue(Buffer.from("x"), { ifAbsent: false, key: "k", id: "123" }),
    ])
    expect(first.id).toBe(again.id)
    await expect(client.enqueue(Buffer.from("y"), { id: "123", key: "k" })).rejects.toMatchObject({ code: "CONFLICT" })
    await startWorker()
    expect(await first.finished(within())).toEqual(await again.finished(within()))
    const after = await client.enqueue(Buffer.from("x"), { id: "123", key: "k", ifAbsent: false })
    expect(await after.finished(within())).toMatchObject({ version: 1 })
    await expect(client.enqueue(Buffer.from("y"), { id: "123", key: "k" })).rejects.toMatchObject({ code: "CONFLICT" })
    expect(store.status().lastSequence).toBeGreaterThan(0)
    expect((await store.stat("k"))?.version).toBe(1)
  })

  it("leaves neither bytes nor options in Redis once it has ended", async () => {
    const { client, prefix, startWorker } = await ingestLine(redis)
    const { id } = await client.enqueue(Buffer.from("geheim"), { key: "k", metadata: { a: "vertraulich" } })
    const direct = new Redis(redis.url)
    onTestFinished(() => direct.disconnect())
    const kept = () => direct.hget(`${prefix}:ingest:ingest-${id}`, "data")
    expect(await kept()).toContain("vertraulich")
    await startWorker()
    await client.enqueued(id).finished(within())
    await vi.waitFor(
      async () => expect(JSON.parse((await kept()) ?? "")).toEqual({ ended: true, fingerprint: expect.any(String) }),
      20_000,
    )
  })
})

describe("a queued put fails", () => {
  it("with the server's own error, at once where it is final", async () => {
    const { client, store, startWorker } = await ingestLine(redis)
    await store.put(Buffer.from("before"), { key: "k" })
    const { log } = await startWorker()
    const handle = await client.enqueue(Buffer.from("x"), { key: "k", ifAbsent: true })
    const fault = await faultOf(handle.finished(within()))
    expect(fault).toBeInstanceOf(StoredError)
    expect(fault).toMatchObject({ code: "CONFLICT", retryable: false })
    expect(await handle.state()).toBe("failed")
    expect(log.lines.filter((line) => line.includes("failed"))).toHaveLength(1)
    const wrong = await client.enqueue(Buffer.from("x"), { checksums: { md5: "0".repeat(32) } })
    expect(await faultOf(wrong.finished(within()))).toMatchObject({ code: "CHECKSUM_MISMATCH" })
    const nowhere = await client.enqueue(Buffer.from("x"), { backends: ["nowhere"] })
    expect(await faultOf(nowhere.finished(within()))).toMatchObject({ code: "UNKNOWN_BACKEND" })
    const old = await client.enqueue(Buffer.from("x"), { key: "k", ifVersion: 7 })
    expect(await faultOf(old.finished(within()))).toMatchObject({ code: "CONFLICT" })
  })

  it("after five tries where it passes but does not pass in time; a put that passes earlier is done", async () => {
    const { client, url, startWorker } = await ingestLine(redis)
    let tries = 0
    const failing = (times: number) => {
      const real = connect(url)
      const put = async (input: PutInput, options?: PutOptions) => {
        tries += 1
        if (tries <= times) throw new StoredError("DISK_FULL", "No space.", { retryable: true })
        return real.put(input, options)
      }
      return { ...real, put }
    }
    const { worker } = await startWorker({ store: failing(99) })
    const handle = await client.enqueue(Buffer.from("x"), { key: "k" })
    expect(await faultOf(handle.finished(within()))).toMatchObject({ code: "DISK_FULL", retryable: true })
    expect(tries).toBe(5)
    await worker.stop()
    tries = 0
    await startWorker({ store: failing(4) })
    expect(await (await client.enqueue(Buffer.from("x"), { key: "k" })).finished(within())).toMatchObject({
      version: 1,
    })
    expect(tries).toBe(5)
  })

  it.each<[string, object | string]>([
    ["nothing", ""],
    ["no fields", {}],
    ["another kind", { kind: "sync" }],
    ["a field too many", { source: { type: "path", path: "/etc/passwd", root: "/" } }],
    ["no text", { source: { type: "url", url: 7 } }],
    ["no base64", { source: { type: "bytes", base64: "%%%" } }],
    ["a byte too many", { source: { type: "bytes", base64: Buffer.alloc(65_537).toString("base64") } }],
    ["another option", { options: { durability: "os" } }],
    ["a key that climbs", { options: { key: "../x" } }],
    ["a strange id", { id: "a/b" }],
  ])("with INVALID_INPUT where the queue holds %s", async (_, forged) => {
    const { client, prefix, startWorker } = await ingestLine(redis)
    const queue = new Queue("ingest", { connection: { url: redis.url }, prefix })
    onTestFinished(() => queue.close())
    const good = { version: 1, kind: "ingest", id: "f", source: { type: "bytes", base64: "" }, options: {} }
    const data = typeof forged === "string" || Object.keys(forged).length === 0 ? forged : { ...good, ...forged }
    await queue.add("ingest", data, { jobId: "ingest-f", attempts: 5 })
    const { log } = await startWorker()
    expect(await faultOf(client.enqueued("f").finished(within()))).toMatchObject({ code: "INVALID_INPUT" })
    expect(log.lines.join()).not.toContain("passwd")
  })

  it("with words of ours where the queue holds a result or an error that is none", async () => {
    const { client, prefix } = await ingestLine(redis)
    const direct = new Redis(redis.url)
    onTestFinished(() => direct.disconnect())
    for (const [id, set, field] of [
      ["r", "completed", "returnvalue"],
      ["e", "failed", "failedReason"],
    ] as const) {
      await direct.hset(`${prefix}:ingest:ingest-${id}`, {
        name: "ingest",
        data: "{}",
        opts: "{}",
        timestamp: "1",
        [field]: '{"id":1}',
      })
      await direct.zadd(`${prefix}:ingest:${set}`, 1, `ingest-${id}`)
      expect(await faultOf(client.enqueued(id).finished(within()))).toMatchObject({ code: "INTERNAL" })
    }
  })
})

describe("a handle", () => {
  it("of an id that nobody queued knows nothing, and says so", async () => {
    const { client } = await ingestLine(redis)
    expect(await client.enqueued("nobody").state()).toBe("unknown")
    expect(await faultOf(client.enqueued("nobody").finished())).toMatchObject({ code: "NOT_FOUND" })
    expect(() => client.enqueued("a:b")).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }))
  })

  it("stops to wait with its signal and with its client", async () => {
    const { client } = await ingestLine(redis)
    const handle = await client.enqueue(Buffer.from("x"))
    const control = new AbortController()
    const waits = [handle.finished({ signal: control.signal }), handle.finished()].map(faultOf)
    control.abort()
    expect(await waits[0]).toMatchObject({ code: "ABORTED" })
    await client.close({ deadline: 5_000 })
    expect(await waits[1]).toMatchObject({ code: "CLOSED" })
    expect(await faultOf(handle.state())).toMatchObject({ code: "CLOSED" })
  })
})

describe("enqueue refuses", () => {
  const url = (text: string) => new URL(text)
  it.each<[string, unknown, object, string]>([
    ["a byte too many", Buffer.alloc(65_537), {}, "TOO_LARGE"],
    ["http:", url("http://host/x"), {}, "INVALID_INPUT"],
    ["file:", url("file:///etc/passwd"), {}, "INVALID_INPUT"],
    ["credentials", url("https://user:geheim@host/x"), {}, "INVALID_INPUT"],
    ["a user", url("https://geheim@host/x"), {}, "INVALID_INPUT"],
    ["a URL as text", "https://host/geheim", {}, "INVALID_INPUT"],
    ["a relative path", "a/geheim", {}, "INVALID_INPUT"],
    ["a NUL", "/a\0geheim", {}, "INVALID_INPUT"],
    ["a path without end", `/${"a".repeat(4_096)}`, {}, "INVALID_INPUT"],
    ["a stream", new ReadableStream(), {}, "INVALID_INPUT"],
    ["a key that climbs", Buffer.from("x"), { key: "../x" }, "INVALID_KEY"],
    ["metadata that is none", Buffer.from("x"), { metadata: 7 }, "INVALID_METADATA"],
    ["a type that is none", Buffer.from("x"), { mimeType: "png" }, "INVALID_INPUT"],
    ["a checksum that is none", Buffer.from("x"), { checksums: { md5: "x" } }, "INVALID_INPUT"],
    ["an option that it does not have", Buffer.from("x"), { durability: "all" }, "INVALID_INPUT"],
    ["an id that is none", Buffer.from("x"), { id: "a:b" }, "INVALID_INPUT"],
  ])("%s", async (_, source, options, code) => {
    const { client } = await ingestLine(redis)
    const fault = await faultOf(client.enqueue(source as Uint8Array, options))
    expect(fault).toMatchObject({ code, retryable: false })
    expect(JSON.stringify(fault) + fault?.message).not.toContain("geheim")
  })

  it("to work without a Redis, or with an address that is none", async () => {
    const client = connect("http://127.0.0.1:1")
    onTestFinished(() => client.close())
    const fault = await faultOf(client.enqueue(Buffer.from("x")))
    expect(fault).toMatchObject({ code: "INVALID_CONFIG", message: expect.stringMatching(/redis: \{ url/) })
    expect(await faultOf(client.enqueued("x").state())).toMatchObject({ code: "INVALID_CONFIG" })
    expect(() => connect("http://127.0.0.1:1", { redis: { url: "http://geheim" } })).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", message: expect.not.stringContaining("geheim") }),
    )
    expect(() => connect("http://127.0.0.1:1", { redis: { url: "redis://h", prefix: "a:b" } })).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT" }),
    )
  })

  it("to wait longer than its deadline for a Redis that is not there, and tells by which id to ask again", async () => {
    const client = connect("http://127.0.0.1:1", { redis: { url: `redis://:geheim@127.0.0.1:${await freePort()}` } })
    onTestFinished(() => client.close())
    const start = performance.now()
    const fault = await faultOf(client.enqueue(Buffer.from("x"), { id: "mine" }))
    expect(performance.now() - start).toBeLessThan(7_000)
    expect(fault).toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true, details: { id: "mine" } })
    expect(fault?.message).not.toContain("geheim")
    const stopped = client.enqueue(Buffer.from("x"), { signal: AbortSignal.abort() })
    expect(await faultOf(stopped)).toMatchObject({ code: "ABORTED" })
  })
})
