/** Bad HTTP, bodies that are too large, refusals while the body still comes (rows 43 to 46 of the fault table, as far as the door goes). */
import { once } from "node:events"
import { request } from "node:http"
import { describe, expect, it } from "vitest"
import { bodyOf, exchange, listen, openSocket, readAnswer, statusOf } from "./api-server.ts"
import { CLOSE } from "./api-watched-store.ts"
import { mapStore } from "./map-store.ts"

describe("bad HTTP is answered by problem JSON and never by 5xx", () => {
  it.each<[string, string, number]>([
    ["headers over 16 KiB", `GET /health HTTP/1.1\r\n${CLOSE}x: ${"a".repeat(20_000)}\r\n\r\n`, 431],
    ["10,000 headers", `GET /health HTTP/1.1\r\n${CLOSE}${"a: b\r\n".repeat(10_000)}\r\n`, 431],
    ["300 headers", `GET /health HTTP/1.1\r\n${CLOSE}${"a: b\r\n".repeat(300)}\r\n`, 431],
    ["a path over 16 KiB", `GET /v1/objects/${"a".repeat(20_000)} HTTP/1.1\r\n${CLOSE}\r\n`, 431],
    ["no HTTP", "hello there\r\n\r\n", 400],
    ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\r\n\r\n", 400],
    ["a version that is none", `GET /health HTTP/9.9\r\n${CLOSE}\r\n`, 400],
    ["no host", "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    ["a negative length", `PUT /v1/objects/a HTTP/1.1\r\n${CLOSE}Content-Length: -1\r\n\r\n`, 400],
    ["two lengths", `PUT /v1/objects/a HTTP/1.1\r\n${CLOSE}Content-Length: 1\r\nContent-Length: 2\r\n\r\na`, 400],
    [
      "length and chunks",
      `PUT /v1/objects/a HTTP/1.1\r\n${CLOSE}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      "a chunk size that is none",
      `PUT /v1/objects/a HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`,
      400,
    ],
    [
      "a chunk longer than it says",
      `PUT /v1/objects/a HTTP/1.1\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n`,
      400,
    ],
    ["a bare line feed in a header", `GET /health HTTP/1.1\r\n${CLOSE}a: b\nc: d\r\n\r\n`, 400],
    [
      "a malformed content type",
      `PUT /v1/objects/a HTTP/1.1\r\n${CLOSE}Content-Type: \u0001\r\nContent-Length: 1\r\n\r\na`,
      400,
    ],
    [
      "a content type without a slash",
      `PUT /v1/objects/a HTTP/1.1\r\n${CLOSE}Content-Type: text\r\nContent-Length: 1\r\n\r\na`,
      415,
    ],
  ])("%s", async (_, text, status) => {
    const store = mapStore()
    const { port, url } = await listen(store)
    const answer = await exchange(port, text)
    expect(statusOf(answer)).toBe(status)
    expect(answer).toMatch(/content-type: application\/problem\+json\r\n/i)
    expect(bodyOf(answer)).toMatchObject({ status })
    expect(await store.stat("a")).toBeNull()
    expect((await fetch(`${url}/health`)).status).toBe(200)
  })
})

describe("a body that is too large", () => {
  it("is refused by its declared length, before the client sends it", async () => {
    const { port } = await listen(mapStore(), { maxBlobSize: 1000 })
    const upload = request({
      port,
      method: "PUT",
      path: "/v1/objects/a",
      headers: { "content-length": 1001, expect: "100-continue" },
    })
    let invited = false
    upload.on("continue", () => {
      invited = true
    })
    upload.flushHeaders()
    const [response] = await once(upload, "response")
    expect([response.statusCode, invited]).toEqual([413, false])
    upload.destroy()
  })

  it("is refused where it grows over the limit in chunks", async () => {
    const store = mapStore()
    const { url } = await listen(store, { maxBlobSize: 100_000 })
    const put = (size: number) =>
      fetch(`${url}/v1/objects/a`, {
        method: "PUT",
        body: new Blob([Buffer.alloc(size)]).stream(),
        duplex: "half",
      } as RequestInit)
    const refused = await put(100_001)
    expect(refused.status).toBe(413)
    expect(await refused.json()).toMatchObject({ code: "TOO_LARGE", details: { limit: 100_000 } })
    expect(await store.stat("a")).toBeNull()
    expect((await put(100_000)).status).toBe(201)
  })

  it("does not keep its connection longer than the answer needs", async () => {
    const { port } = await listen(mapStore(), { maxBlobSize: 1000, lingerTime: 50 })
    const socket = openSocket(port)
    socket.write(`PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n`)
    expect(statusOf(await readAnswer(socket))).toBe(413)
    // We owe almost a megabyte and stay silent.
    if (!socket.destroyed) await once(socket, "close")
  })
})

describe("a client that waits to be told to go on", () => {
  it("is told once its body is wanted", async () => {
    const { port } = await listen(mapStore())
    const headers = { "content-length": 200_000, expect: "100-continue" }
    const upload = request({ port, method: "PUT", path: "/v1/objects/a", headers })
    upload.flushHeaders()
    await once(upload, "continue")
    upload.end(Buffer.alloc(200_000))
    const [response] = await once(upload, "response")
    expect(response.statusCode).toBe(201)
    response.resume()
  })

  it("sends nothing where its condition does not hold", async () => {
    const { port } = await listen(mapStore())
    const headers = { "content-length": 200_000, expect: "100-continue", "if-match": '"sha256:x"' }
    const upload = request({ port, method: "PUT", path: "/v1/objects/a", headers })
    upload.on("continue", () => upload.end(Buffer.alloc(200_000)))
    upload.flushHeaders()
    const [response] = await once(upload, "response")
    expect([response.statusCode, upload.writableEnded]).toEqual([412, false])
    upload.destroy()
  })
})

describe("a refusal while the body still comes", () => {
  it("drops the rest of it and takes the next request", async () => {
    const { port } = await listen(mapStore())
    const socket = openSocket(port)
    socket.write(
      "PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nX-Stored-Backends: nowhere\r\nContent-Length: 5000000\r\n\r\n",
    )
    const refused = readAnswer(socket)
    socket.write(Buffer.alloc(5_000_000))
    expect(statusOf(await refused)).toBe(400)
    const next = readAnswer(socket)
    socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    expect(statusOf(await next)).toBe(200)
  })

  it("reaches the client, and the connection can be used again", async () => {
    const { url } = await listen(mapStore())
    const headers = { "x-stored-backends": "nowhere" }
    for (let round = 0; round < 3; round++) {
      const refused = await fetch(`${url}/v1/objects/a`, { method: "PUT", headers, body: Buffer.alloc(5_000_000) })
      expect(refused.status).toBe(400)
      expect(await refused.json()).toMatchObject({ code: "UNKNOWN_BACKEND" })
    }
  })
})
