/** Reads as HTTP has them: conditions by tag and by time, digests of what is sent, HEAD of everything that can be got. */
import { createHash, hash } from "node:crypto"
import { describe, expect, it } from "vitest"
import { ROUTES } from "../../src/api/routes/routes.ts"
import { openTestStore } from "../flow/open-store.ts"
import { HELLO, problem, put } from "./api-requests.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const SECOND = 1_000
const date = (time: number): string => new Date(time).toUTCString()
const digestOf = (bytes: Buffer): string => `sha-256=:${hash("sha256", bytes, "base64")}:`

async function world() {
  const written = Date.UTC(2030, 4, 6, 7, 8, 9, 700)
  const { store } = await openTestStore({}, { clock: { now: () => written } })
  const server = await listen(store)
  const etag = String((await put(server, "a")).headers.get("etag"))
  const read = (headers: Record<string, string>, method = "GET") =>
    fetch(`${server.url}/v1/objects/a`, { method, headers: { "cache-control": "no-store", ...headers } })
  return { server, store, etag, written, read }
}

describe("a read with a condition", () => {
  it.each<[string, (tag: string, time: number) => Record<string, string>, number]>([
    ["If-Match with its id", (tag) => ({ "if-match": tag }), 200],
    ["If-Match with its version", () => ({ "if-match": '"1"' }), 200],
    ["If-Match: *", () => ({ "if-match": "*" }), 200],
    ["If-Match with another id", () => ({ "if-match": `"sha256:${"0".repeat(64)}"` }), 412],
    ["a weak If-Match", (tag) => ({ "if-match": `W/${tag}` }), 412],
    ["If-Match of a range", (tag) => ({ "if-match": tag, range: "bytes=0-3" }), 206],
    ["If-Match of a range of something else", () => ({ "if-match": '"x"', range: "bytes=0-3" }), 412],
    ["If-Modified-Since its own second", (_, time) => ({ "if-modified-since": date(time) }), 304],
    ["If-Modified-Since later", (_, time) => ({ "if-modified-since": date(time + SECOND) }), 304],
    ["If-Modified-Since the second before", (_, time) => ({ "if-modified-since": date(time - SECOND) }), 200],
    [
      "If-Modified-Since in the words of RFC 850",
      () => ({ "if-modified-since": "Monday, 06-May-30 07:08:09 GMT" }),
      304,
    ],
    ["If-Modified-Since in those of asctime", () => ({ "if-modified-since": "Mon May  6 07:08:09 2030" }), 304],
    ["If-Modified-Since what is no date", () => ({ "if-modified-since": "2031" }), 200],
    ["If-Unmodified-Since its own second", (_, time) => ({ "if-unmodified-since": date(time) }), 200],
    ["If-Unmodified-Since the second before", (_, time) => ({ "if-unmodified-since": date(time - SECOND) }), 412],
    [
      "If-None-Match wins over If-Modified-Since",
      (_, time) => ({ "if-none-match": '"x"', "if-modified-since": date(time) }),
      200,
    ],
    [
      "If-Match wins over If-Unmodified-Since",
      (tag, time) => ({ "if-match": tag, "if-unmodified-since": date(time - SECOND) }),
      200,
    ],
    ["If-Match is asked before If-None-Match", (tag) => ({ "if-match": '"x"', "if-none-match": tag }), 412],
  ])("%s", async (_, headers, status) => {
    const { read, etag, written } = await world()
    const answer = await read(headers(etag, written))
    expect(answer.status).toBe(status)
    if (status === 412) expect(await problem(answer)).toEqual([412, "CONFLICT"])
    else expect([answer.headers.get("etag"), answer.headers.get("last-modified")]).toEqual([etag, date(written)])
    const head = await read(headers(etag, written), "HEAD")
    expect([head.status, await head.text()]).toEqual([status === 206 ? 200 : status, ""])
  })

  it("is no way to write: a date is too coarse for that", async () => {
    const { server, written } = await world()
    const answer = await put(server, "a", "new", { "if-unmodified-since": date(written) })
    expect(await problem(answer)).toEqual([400, "INVALID_INPUT"])
  })

  it("of a record goes by the tag of the record, which a proven copy changes", async () => {
    const { server, store } = await world()
    await store.synced("a")
    const read = (headers = {}) =>
      fetch(`${server.url}/v1/metadata/a`, { headers: { "cache-control": "no-store", ...headers } })
    const first = await read()
    const tag = String(first.headers.get("etag"))
    expect((await first.json()) as object).toMatchObject({ key: "a" })
    const again = await read({ "if-none-match": tag })
    expect([again.status, again.headers.get("etag"), await again.text()]).toEqual([304, tag, ""])
    expect(await problem(await read({ "if-match": '"x"' }))).toEqual([412, "CONFLICT"])
    await store.cache.clear()
    const changed = await read({ "if-none-match": tag })
    expect(changed.status).toBe(200)
    expect(changed.headers.get("etag")).not.toBe(tag)
  })
})

describe("Content-Digest", () => {
  it("is that of the whole, and of a range that is at hand; HEAD, which sends nothing, has none", async () => {
    const { read } = await world()
    const whole = await read({})
    expect(whole.headers.get("content-digest")).toBe(digestOf(HELLO))
    expect(whole.headers.get("repr-digest")).toBe(digestOf(HELLO))
    const part = await read({ range: "bytes=7-" })
    const bytes = Buffer.from(await part.arrayBuffer())
    expect(part.headers.get("repr-digest")).toBe(digestOf(HELLO))
    expect([null, digestOf(bytes)]).toContain(part.headers.get("content-digest"))
    const head = await read({}, "HEAD")
    expect([head.headers.get("content-digest"), head.headers.get("repr-digest")]).toEqual([null, digestOf(HELLO)])
  })

  it("of a long range is not said wrongly, as it is not at hand", async () => {
    const { server } = await world()
    const bytes = Buffer.alloc(3_000_000, "0123456789")
    await put(server, "long", bytes)
    const part = await fetch(`${server.url}/v1/objects/long`, { headers: { range: "bytes=5-2900000" } })
    const got = Buffer.from(await part.arrayBuffer())
    expect(got.equals(bytes.subarray(5, 2_900_001))).toBe(true)
    expect([null, digestOf(got)]).toContain(part.headers.get("content-digest"))
    expect((await fetch(`${server.url}/v1/objects/long`)).headers.get("content-digest")).toBe(digestOf(bytes))
  })
})

describe("a declared sha-512", () => {
  const sha512 = (bytes: Buffer | string): string => `sha-512=:${createHash("sha512").update(bytes).digest("base64")}:`

  it.each([
    ["a short body", HELLO],
    ["a body of many pieces", Buffer.alloc(700_000, "abc")],
  ])("is checked: %s", async (_, bytes) => {
    const { store } = await openTestStore()
    const server = await listen(store)
    expect((await put(server, "good", bytes, { "content-digest": sha512(bytes) })).status).toBe(201)
    for (const field of ["content-digest", "repr-digest"]) {
      const wrong = await put(server, "bad", bytes, { [field]: `${sha512("other")}, ${digestOf(bytes)}` })
      expect(await problem(wrong)).toEqual([400, "CHECKSUM_MISMATCH"])
    }
    expect([await store.has("bad"), await store.get("good")]).toEqual([false, bytes])
  })

  it("has its length, and is one", async () => {
    const server = await listen(mapStore())
    const short = await put(server, "a", HELLO, { "content-digest": "sha-512=:AAAA:" })
    expect(await problem(short)).toEqual([400, "INVALID_INPUT"])
    const two = { "content-digest": sha512("a"), "repr-digest": sha512("b") }
    expect(await problem(await put(server, "a", HELLO, two))).toEqual([400, "INVALID_INPUT"])
  })
})

describe("HEAD", () => {
  it("says of every GET what GET says, without its body; only events have none", async () => {
    const without = ROUTES.filter(({ method, path }) => {
      const methods = ROUTES.filter((other) => other.path === path).map((other) => other.method)
      return method === "GET" && !methods.includes("HEAD")
    })
    expect(without.map(({ path }) => path)).toEqual(["/v1/events"])
    const { server } = await world()
    for (const path of ["/health", "/ready", "/v1/status", "/v1/objects", "/v1/metadata/a", "/v1/cache", "/v1/why/a"]) {
      const [head, get] = [await fetch(server.url + path, { method: "HEAD" }), await fetch(server.url + path)]
      expect([head.status, head.headers.get("content-type")], path).toEqual([
        get.status,
        get.headers.get("content-type"),
      ])
      expect(await head.text(), path).toBe("")
      await get.text()
    }
    const lines = await fetch(`${server.url}/v1/objects?format=ndjson`, { method: "HEAD" })
    expect([lines.status, lines.headers.get("content-type"), await lines.text()]).toEqual([
      200,
      "application/x-ndjson",
      "",
    ])
    expect((await fetch(`${server.url}/v1/metadata/absent`, { method: "HEAD" })).status).toBe(404)
  })
})
