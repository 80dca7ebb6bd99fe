/** Connections that are cut: downloads go on where they were and compare equal, or fail with a type; events are neither missed nor doubled. */
import { createHash, randomBytes } from "node:crypto"
import { buffer } from "node:stream/consumers"
import { describe, expect, onTestFinished, test } from "vitest"
import { connect } from "../../src/client.ts"
import type { StoredError } from "../../src/core/error.ts"
import type { StoreEvents } from "../../src/core/event.ts"
import { listen } from "../unit/api-server.ts"
import { cuttingProxy } from "../unit/cutting-proxy.ts"
import { openTestStore } from "./open-store.ts"

const SIZE = 8_000_000
const content = randomBytes(SIZE)

async function behindProxy(bytes: number) {
  const opened = await openTestStore({ defaultBackends: ["a"] })
  const { port } = await listen(opened.store)
  const proxy = await cuttingProxy(port, bytes)
  const failures: StoredError[] = []
  const remote = connect(proxy.url, { onError: (error) => failures.push(error), timeout: 5_000 })
  onTestFinished(() => remote.close({ deadline: 0 }))
  return { opened, store: opened.store, remote, proxy, failures }
}

describe("a download", () => {
  test.each([
    ["as Buffer", async (remote) => remote.get("k")],
    ["as stream", async (remote) => buffer(await remote.get("k", { stream: true }))],
    ["by id", async (remote, id) => remote.get(id)],
    ["opened", async (remote) => buffer((await remote.open("k")).stream)],
  ] satisfies [string, (remote: ReturnType<typeof connect>, id: string) => Promise<Buffer>][])(
    "that is cut again and again compares equal: %s",
    async (_name, read) => {
      const { store, remote, proxy } = await behindProxy(1_300_000)
      const { id } = await store.put(content, { key: "k" })
      expect((await read(remote, id)).equals(content)).toBe(true)
      expect(proxy.connections()).toBeGreaterThanOrEqual(SIZE / 1_300_000)
    },
  )

  test("of a range goes on within it", async () => {
    const { store, remote } = await behindProxy(1_300_000)
    await store.put(content, { key: "k" })
    const range = { start: 1_000_001, end: 7_000_003 }
    expect((await remote.get("k", { range })).equals(content.subarray(range.start, range.end))).toBe(true)
  })

  test("of an object with a blake3 id is hashed and resumed too", async () => {
    const opened = await openTestStore({ defaultBackends: ["a"], checksums: ["blake3"] })
    const { port } = await listen(opened.store)
    const proxy = await cuttingProxy(port, 3_000_000)
    const remote = connect(proxy.url)
    onTestFinished(() => remote.close({ deadline: 0 }))
    await opened.store.put(content, { key: "k" })
    expect((await remote.get("k")).equals(content)).toBe(true)
  })

  test("that is cut for ever ends with a typed error after a bounded number of tries, never short", async () => {
    const { store, remote, proxy } = await behindProxy(Number.POSITIVE_INFINITY)
    await store.put(content, { key: "k" })
    const stream = await remote.get("k", { stream: true })
    const before = proxy.connections()
    proxy.allow(2_000)
    proxy.cut()
    await expect(buffer(stream)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
    expect(proxy.connections() - before).toBe(5)
  })

  test("of an object that changes meanwhile is never mixed", async () => {
    const { store, remote, proxy } = await behindProxy(3_000_000)
    await store.put(content, { key: "k" })
    const stream = await remote.get("k", { stream: true })
    const hash = createHash("sha256")
    let received = 0
    const read = async (): Promise<void> => {
      for await (const chunk of stream) {
        hash.update(chunk)
        if (received === 0) await store.put(randomBytes(SIZE), { key: "k" })
        received += chunk.length
        proxy.cut()
      }
    }
    await expect(read()).rejects.toMatchObject({ code: "CONFLICT" })
    expect(hash.digest("hex")).toBe(createHash("sha256").update(content.subarray(0, received)).digest("hex"))
    expect(received).toBeLessThan(SIZE)
  })

  test("of an object that is deleted meanwhile says so", async () => {
    const { store, remote, proxy } = await behindProxy(3_000_000)
    await store.put(content, { key: "k" })
    const stream = await remote.get("k", { stream: true })
    await store.delete("k")
    proxy.cut()
    await expect(buffer(stream)).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("whose bytes were bad before the cut is CORRUPT, though the rest of it is good", async () => {
    const { opened, store, remote, proxy } = await behindProxy(Number.POSITIVE_INFINITY)
    const { id } = await store.put(content, { key: "k" })
    // The server hashes whole reads; a range it does not. What came first is the client's to hash.
    const good = opened.services.staging.read.bind(opened.services.staging)
    opened.services.staging.read = async (...call) => {
      const stream = await good(...call)
      return call[2]?.range ? stream : stream.map((chunk: Buffer) => Buffer.alloc(chunk.length, 1))
    }
    const stream = await remote.get(id, { stream: true })
    const read = async (): Promise<void> => {
      let isFirst = true
      for await (const _chunk of stream) {
        if (isFirst) proxy.cut()
        isFirst = false
      }
    }
    await expect(read()).rejects.toMatchObject({ code: "CORRUPT" })
  })
})

describe("events", () => {
  test("go on after a cut with the next one, each once; the break is told", async () => {
    const { store, remote, proxy, failures } = await behindProxy(Number.POSITIVE_INFINITY)
    const heard: string[] = []
    const { promise: done, resolve } = Promise.withResolvers<void>()
    remote.on("put", ({ key }: StoreEvents["put"]) => {
      heard.push(key)
      if (heard.length === 30) resolve()
    })
    await remote.status()
    for (let index = 0; index < 30; index += 1) {
      await store.put(Buffer.from(`${index}`), { key: `${index}` })
      if (index % 10 === 5) proxy.cut()
    }
    await done
    expect(heard).toEqual(Array.from({ length: 30 }, (_, index) => `${index}`))
    expect(failures.length).toBeGreaterThan(0)
    expect(failures[0]).toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
  })

  test("as an iteration outlive cuts in the middle of a message", async () => {
    const { store, remote, proxy } = await behindProxy(700)
    for (let index = 0; index < 12; index += 1) await store.put(Buffer.from(`${index}`), { key: `${index}` })
    await store.idle()
    const expected = (await store.status()).lastSequence
    const sequences: number[] = []
    for await (const { sequence } of remote.events({ after: 0 })) {
      sequences.push(sequence!)
      if (sequence === expected) break
    }
    expect(sequences).toEqual([...new Set(sequences)])
    const told = ["put", "sync", "backend-add"]
    const journal = [...store.journal()].filter(({ command }) => told.includes(command))
    expect(sequences).toEqual(journal.map(({ sequence }) => sequence))
    expect(proxy.connections()).toBeGreaterThan(2)
  })
})
