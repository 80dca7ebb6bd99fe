/** The routes of objects and blobs over real HTTP: verbs, headers, what is served. */
import { randomBytes } from "node:crypto"
import { describe, expect, it } from "vitest"
import { HELLO, HELLO_HEX, problem, put } from "./api-requests.ts"
import { bodyOf, exchange, listen, statusOf } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

describe("PUT and GET", () => {
  it("answers 201 with the record, 200 where it replaced, and gives the bytes back", async () => {
    const server = await listen(mapStore())
    const created = await put(server, "photos/a.txt")
    expect(created.status).toBe(201)
    expect(created.headers.get("location")).toBe("/v1/objects/photos/a.txt")
    expect(created.headers.get("etag")).toBe(`"sha256:${HELLO_HEX}"`)
    expect(await created.json()).toMatchObject({ key: "photos/a.txt", size: 12, isNew: true, mimeType: "text/plain" })
    expect((await put(server, "photos/a.txt", "other")).status).toBe(200)
    const read = await fetch(`${server.url}/v1/objects/photos/a.txt`)
    expect(await read.text()).toBe("other")
    expect(read.headers.get("x-stored-version")).toBe("2")
  })

  it.each([0, 1, 65_536, 65_537, 3_000_000])("carries %i bytes, with a length and chunked", async (size) => {
    const server = await listen(mapStore())
    const bytes = randomBytes(size)
    expect((await put(server, "whole", bytes)).status).toBe(201)
    const body = new Blob([bytes]).stream()
    const chunked = await fetch(`${server.url}/v1/objects/chunked`, {
      method: "PUT",
      body,
      duplex: "half",
    } as RequestInit)
    expect(chunked.status).toBe(201)
    for (const key of ["whole", "chunked"]) {
      const read = await fetch(`${server.url}/v1/objects/${key}`)
      expect(read.headers.get("content-length")).toBe(String(size))
      expect(Buffer.from(await read.arrayBuffer()).equals(bytes)).toBe(true)
    }
  })

  it("makes a key from the checksum for POST, and the same again the second time", async () => {
    const server = await listen(mapStore())
    const post = () => fetch(`${server.url}/v1/objects`, { method: "POST", body: HELLO })
    const first = await post()
    expect([first.status, (await post()).status]).toEqual([201, 200])
    expect(await first.json()).toMatchObject({ key: `blobs/sha256/${HELLO_HEX}` })
    const blob = await fetch(`${server.url}/v1/blobs/sha256:${HELLO_HEX}`)
    expect(await blob.text()).toBe("hello, world")
    expect(blob.headers.get("cache-control")).toMatch(/immutable/)
  })

  it.each([
    ["a space", "a b"],
    ["an encoded slash and percent", "50% of a/b"],
    ["what would decode twice", "%2e%2e%2Fa%25"],
    ["a question mark, hash and plus", "a?b#c+d;e"],
    ["other scripts", "照片/été 😀"],
    ["1,024 bytes", "k".repeat(1024)],
    ["a colon that is no checksum", "sha256:abc"],
  ])("keeps a key with %s as it is", async (_, key) => {
    const server = await listen(mapStore())
    const created = await put(server, encodeURIComponent(key))
    expect(await created.json()).toMatchObject({ key })
    const read = await fetch(server.url + created.headers.get("location"))
    expect(await read.text()).toBe("hello, world")
    const metadata = await fetch(`${server.url}/v1/metadata/${encodeURIComponent(key)}`)
    expect(await metadata.json()).toMatchObject({ key, size: 12 })
  })

  it.each([
    ["empty", "/v1/objects/"],
    ["too long", `/v1/objects/${"k".repeat(1025)}`],
    ["climbing", "/v1/objects/../../etc/passwd"],
    ["climbing in code", "/v1/objects/a/%2e%2e/%2e%2e/b"],
    ["a control character", "/v1/objects/a%0Ab"],
    ["a NUL", "/v1/objects/a%00b"],
    ["broken encoding", "/v1/objects/a%zz"],
    ["not UTF-8", "/v1/objects/a%ff"],
    ["a checksum", `/v1/objects/sha256:${HELLO_HEX}`],
    ["an empty segment", "/v1/objects/a//b"],
  ])("refuses a key that is %s", async (_, path) => {
    const server = await listen(mapStore())
    for (const method of ["PUT", "GET", "DELETE"]) {
      const answer = await exchange(
        server.port,
        `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      )
      expect(statusOf(answer), method).toBe(400)
      expect(bodyOf(answer).status).toBe(400)
    }
  })

  it.each([
    ["application/x-www-form-urlencoded", "text/plain"],
    ["application/json", "application/json"],
    ["text/html; charset=utf-8", "text/html; charset=utf-8"],
    ["multipart/form-data; boundary=x", "multipart/form-data; boundary=x"],
  ])("takes a body of type %s as it is", async (type, stored) => {
    const server = await listen(mapStore())
    const created = await put(server, "a.txt", "{not json", { "content-type": type })
    expect(await created.json()).toMatchObject({ mimeType: stored, size: 9 })
  })

  it("takes metadata, in escapes and in UTF-8", async () => {
    const server = await listen(mapStore())
    const escaped = await put(server, "a", HELLO, { "x-stored-metadata": '{"album":"\\u00e9t\\u00e9"}' })
    expect(await escaped.json()).toMatchObject({ custom: { album: "été" } })
    const header = Buffer.from('{"album":"été"}').toString("latin1")
    const plain = await put(server, "b", HELLO, { "x-stored-metadata": header })
    expect(await plain.json()).toMatchObject({ custom: { album: "été" } })
  })

  it.each([
    ["metadata that is not JSON", { "x-stored-metadata": "{" }, 400, "INVALID_METADATA"],
    ["metadata that is no object", { "x-stored-metadata": "[1]" }, 400, "INVALID_METADATA"],
    ["__proto__ in metadata", { "x-stored-metadata": '{"__proto__":{"a":1}}' }, 400, "INVALID_METADATA"],
    ["bytes that are no UTF-8 in metadata", { "x-stored-metadata": '{"a":"\u00e9"}' }, 400, "INVALID_METADATA"],
    ["an unknown backend", { "x-stored-backends": "nowhere" }, 400, "UNKNOWN_BACKEND"],
    ["an unknown durability", { "x-stored-durability": "forever" }, 400, "INVALID_INPUT"],
    ["another checksum", { "x-stored-checksum": `sha256:${"0".repeat(64)}` }, 400, "CHECKSUM_MISMATCH"],
    ["a malformed checksum", { "x-stored-checksum": "sha256:12" }, 400, "INVALID_INPUT"],
    [
      "another digest",
      { "content-digest": `sha-256=:${Buffer.alloc(32).toString("base64")}:` },
      400,
      "CHECKSUM_MISMATCH",
    ],
    ["a malformed digest", { "repr-digest": "sha-256=abc" }, 400, "INVALID_INPUT"],
    ["a content encoding", { "content-encoding": "gzip" }, 400, "INVALID_INPUT"],
    ["a content range", { "content-range": "bytes 0-11/12" }, 400, "INVALID_INPUT"],
    ["two conditions", { "if-match": '"1"', "if-none-match": "*" }, 400, "INVALID_INPUT"],
    ["a malformed version", { "x-stored-if-version": "one" }, 400, "INVALID_INPUT"],
  ])("refuses %s and changes nothing", async (_, headers, status, code) => {
    const server = await listen(mapStore())
    expect(await problem(await put(server, "a", HELLO, headers as unknown as Record<string, string>))).toEqual([
      status,
      code,
    ])
    expect((await fetch(`${server.url}/v1/metadata/a`)).status).toBe(404)
  })

  it("accepts digests that are right", async () => {
    const server = await listen(mapStore())
    const digest = `sha-256=:${Buffer.from(HELLO_HEX, "hex").toString("base64")}:`
    const headers = { "content-digest": `unixsum=:AAAA:, ${digest}`, "x-stored-checksum": `SHA256:${HELLO_HEX}` }
    expect((await put(server, "a", HELLO, headers)).status).toBe(201)
    expect((await fetch(`${server.url}/v1/objects/a`)).headers.get("repr-digest")).toBe(digest)
  })
})

describe("what is served", () => {
  it.each([
    ["page.html", "<script>", "attachment"],
    ["picture.svg", "<svg onload=x>", "attachment"],
    ["feed.xml", "<x/>", "attachment"],
    ["photo.png", "x", "inline"],
    ["note.txt", "x", "inline"],
    ["film.mp4", "x", "inline"],
    ["song.mp3", "x", "inline"],
    ["paper.pdf", "x", "inline"],
    ["data", "x", "attachment"],
  ])("%s cannot harm a browser", async (key, body, kind) => {
    const server = await listen(mapStore())
    await put(server, key, Buffer.from(body))
    for (const method of ["GET", "HEAD"]) {
      const { headers } = await fetch(`${server.url}/v1/objects/${key}`, { method })
      expect(headers.get("content-disposition")).toBe(`${kind}; filename=${key}`)
      expect(headers.get("x-content-type-options")).toBe("nosniff")
      expect(headers.get("content-security-policy")).toBe("sandbox; default-src 'none'")
      expect(headers.get("access-control-allow-origin")).toBeNull()
    }
  })

  it("names a file of any script by RFC 6266", async () => {
    const server = await listen(mapStore())
    await put(server, encodeURIComponent('a/ét"é (1).txt'))
    const { headers } = await fetch(`${server.url}/v1/objects/${encodeURIComponent('a/ét"é (1).txt')}`)
    expect(headers.get("content-disposition")).toBe(
      `inline; filename="_t__ (1).txt"; filename*=UTF-8''%C3%A9t%22%C3%A9%20%281%29.txt`,
    )
  })

  it("HEAD says what GET would", async () => {
    const server = await listen(mapStore())
    await put(server, "a")
    const [get, head] = await Promise.all(
      ["GET", "HEAD"].map((method) => fetch(`${server.url}/v1/objects/a`, { method })),
    )
    for (const name of ["content-length", "content-type", "etag", "last-modified", "accept-ranges"]) {
      expect(head!.headers.get(name), name).toBe(get!.headers.get(name))
      expect(head!.headers.get(name), name).not.toBeNull()
    }
    expect(await head!.text()).toBe("")
    await get!.arrayBuffer()
  })
})

describe("the rest", () => {
  it("answers health, ready, status", async () => {
    const server = await listen(mapStore())
    for (const path of ["/health", "/ready", "/v1/status"]) {
      expect((await fetch(server.url + path)).status, path).toBe(200)
    }
  })

  it("tells an unknown path from a wrong method", async () => {
    const server = await listen(mapStore())
    expect(await problem(await fetch(`${server.url}/v1/nothing`))).toEqual([404, undefined])
    expect(await problem(await fetch(`${server.url}/`))).toEqual([404, undefined])
    for (const [method, path, allow] of [
      ["POST", "/v1/objects/a", "GET, HEAD, PUT, DELETE"],
      ["PATCH", "/v1/objects/a", "GET, HEAD, PUT, DELETE"],
      ["DELETE", "/v1/objects", "GET, HEAD, POST"],
      ["PUT", "/health", "GET, HEAD"],
      ["OPTIONS", "/v1/objects/a", "GET, HEAD, PUT, DELETE"],
    ] as const) {
      const answer = await fetch(server.url + path, { method })
      expect(answer.headers.get("allow")).toBe(allow)
      expect(await problem(answer), `${method} ${path}`).toEqual([405, undefined])
    }
    expect(
      statusOf(
        await exchange(server.port, "PROPFIND /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
      ),
    ).toBe(405)
  })

  it("says 404 for what is not there, by key and by id", async () => {
    const server = await listen(mapStore())
    for (const path of ["/v1/objects/a", `/v1/blobs/sha256:${HELLO_HEX}`, "/v1/metadata/a"]) {
      expect(await problem(await fetch(server.url + path)), path).toEqual([404, "NOT_FOUND"])
    }
    expect((await fetch(`${server.url}/v1/objects/a`, { method: "HEAD" })).status).toBe(404)
    expect(await problem(await fetch(`${server.url}/v1/blobs/nonsense`))).toEqual([400, "INVALID_INPUT"])
  })

  it("shows nothing of the inside of a fault of its own", async () => {
    const server = await listen(
      mapStore({
        stat: async () => {
          throw new Error("secret path /var/lib")
        },
      }),
    )
    const answer = await fetch(`${server.url}/v1/metadata/a`)
    const body = await answer.text()
    expect([answer.status, body.includes("secret")]).toEqual([500, false])
    expect(body).toContain(String(answer.headers.get("x-request-id")))
  })
})
