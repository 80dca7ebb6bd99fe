/** The client against the real routes: every verb comes back as it would from the store itself, errors too. */
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Readable } from "node:stream"
import { buffer } from "node:stream/consumers"
import { expect, it, onTestFinished } from "vitest"
import { connect } from "../../src/client.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const BYTES = randomBytes(300_000)

async function client() {
  const store = mapStore()
  const { url } = await listen(store)
  return { store, client: connect(url) }
}

it.each([
  ["a Buffer", () => BYTES],
  ["a stream", () => Readable.from([BYTES.subarray(0, 100_000), BYTES.subarray(100_000)])],
  ["a Blob", () => new Blob([BYTES])],
])("puts %s and reads it back by key and by id", async (_, input) => {
  const { client: remote } = await client()
  const result = await remote.put(input(), { key: "a b/é%.bin", metadata: { name: "été 😀" } })
  expect(result).toMatchObject({ key: "a b/é%.bin", isNew: true, size: BYTES.length, custom: { name: "été 😀" } })
  for (const name of [result.key, result.id]) {
    const opened = await remote.open(name)
    expect((await buffer(opened.stream)).equals(BYTES)).toBe(true)
    expect(opened.range).toEqual({ start: 0, end: BYTES.length })
  }
  expect(await remote.put(Buffer.alloc(0), { key: "a b/é%.bin" })).toMatchObject({ isNew: false, size: 0, version: 2 })
  expect(await buffer((await remote.open("a b/é%.bin")).stream)).toHaveLength(0)
})

it("makes a key from the checksum where none is given, and reads ranges", async () => {
  const { client: remote } = await client()
  const { key } = await remote.put(BYTES)
  expect(key).toMatch(/^blobs\/sha256\//)
  const opened = await remote.open(key, { range: { start: 10, end: 20 } })
  expect((await buffer(opened.stream)).equals(BYTES.subarray(10, 20))).toBe(true)
  const rest = await remote.open(key, { range: { start: BYTES.length - 5 } })
  expect(rest.range).toEqual({ start: BYTES.length - 5, end: BYTES.length })
  expect(await buffer(rest.stream)).toHaveLength(5)
})

it("lists over pages, up to a limit and after a key", async () => {
  const { store, client: remote } = await client()
  const keys = Array.from({ length: 2_100 }, (_, index) => `k/${String(index).padStart(4, "0")}`)
  for (const key of keys) await store.put(Buffer.from(key), { key })
  const list = async (options: Parameters<typeof remote.list>[0]) =>
    (await Array.fromAsync(remote.list(options))).map((object) => object.key)
  expect(await list({ prefix: "k/" })).toEqual(keys)
  expect(await list({ prefix: "k/", limit: 1_001 })).toEqual(keys.slice(0, 1_001))
  expect(await list({ after: "k/2097" })).toEqual(["k/2098", "k/2099"])
})

it("gives null, the result of a delete, the status", async () => {
  const { client: remote } = await client()
  expect(await remote.stat("a")).toBeNull()
  const { id } = await remote.put(Buffer.from("x"), { key: "a" })
  expect(await remote.stat("a")).toMatchObject({ id, key: "a" })
  expect(await remote.status()).toMatchObject({ state: "ready", objects: 1 })
  expect(await remote.delete(id)).toMatchObject({ id, deleted: ["a"] })
  expect(await remote.stat("a")).toBeNull()
})

it("throws the server's own errors", async () => {
  const { client: remote } = await client()
  await remote.put(Buffer.from("x"), { key: "a" })
  const put = (options: Parameters<typeof remote.put>[1]) => remote.put(Buffer.from("y"), { key: "a", ...options })
  await expect(remote.open("b")).rejects.toMatchObject({ code: "NOT_FOUND" })
  await expect(remote.delete("b")).rejects.toMatchObject({ code: "NOT_FOUND" })
  await expect(put({ ifAbsent: true })).rejects.toMatchObject({ code: "CONFLICT", details: { version: 1 } })
  await expect(put({ ifVersion: 7 })).rejects.toMatchObject({ code: "CONFLICT" })
  await expect(put({ backends: ["b"] })).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
  await expect(put({ checksums: { sha256: "0".repeat(64) } })).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" })
  await expect(put({ key: "../a" })).rejects.toMatchObject({ code: "INVALID_KEY" })
  await expect(remote.stat("a/../b")).rejects.toMatchObject({ code: "INVALID_KEY" })
  await expect(remote.put("/nowhere/at/all")).rejects.toMatchObject({ code: "INVALID_INPUT" })
})

it("fails where the source fails, and stores nothing", async () => {
  const { client: remote } = await client()
  const failing = Readable.from(
    (async function* () {
      yield Buffer.alloc(100_000)
      throw new Error("the disk came off")
    })(),
  )
  await expect(remote.put(failing, { key: "a" })).rejects.toMatchObject({ code: "SOURCE_FAILED" })
  expect(await remote.stat("a")).toBeNull()
})

it("says that a server does not answer, or is none of ours", async () => {
  const other = createServer((_request, response) => response.writeHead(502).end("<html>")).listen(0, "127.0.0.1")
  await new Promise((resolve) => other.once("listening", resolve))
  onTestFinished(() => void other.close())
  const { port } = other.address() as AddressInfo
  await expect(connect(`http://127.0.0.1:${port}`).stat("a")).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringMatching(/502/),
  })
  const gone = connect("http://127.0.0.1:1")
  await expect(gone.status()).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
  expect(() => connect("nonsense")).toThrow(/http:\/\/host:port/)
  expect(() => connect("ftp://x")).toThrow(/http:\/\/host:port/)
})
