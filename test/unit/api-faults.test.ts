/** Bad HTTP, slow and vanishing clients, streams that fail: rows 43 to 46 of the fault table, as far as the door itself goes. */
import { once } from "node:events"
import { request } from "node:http"
import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import type { OpenedBlob, PutInput, PutOptions, Store } from "../../src/store/store.ts"
import { bodyOf, exchange, listen, openSocket, readAnswer, statusOf } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const CLOSE = "Host: x\r\nConnection: close\r\n"

/** A store whose reads come from this stream instead. */
function serving(stream: () => Readable): Store {
  const store = mapStore()
  return {
    ...store,
    open: async (name, options): Promise<OpenedBlob> => ({ ...(await store.open(name, options)), stream: stream() }),
  }
}

/** A store whose puts are watched: what became of the stream and of the signal. */
function watching(): {
  store: Store
  put: Promise<{ body: Readable; signal: AbortSignal; failure: Promise<unknown> }>
} {
  const store = mapStore()
  const { promise, resolve } = Promise.withResolvers<{
    body: Readable
    signal: AbortSignal
    failure: Promise<unknown>
  }>()
  const put = async (input: PutInput, options: PutOptions = {}) => {
    const work = store.put(input, options)
    const failure = work.then(
      () => null,
      (error: unknown) => error,
    )
    resolve({ body: input as Readable, signal: options.signal!, failure })
    return work
  }
  return { store: { ...store, put }, put: promise }
}

/** Time that has to pass: what is tested is that a deadline does not strike. */
const passing = (time: number) => new Promise((resolve) => setTimeout(resolve, time))

/** Reads one chunk, does something else for a while, reads the rest. */
async function readSlowly(stream: Readable, pause: number): Promise<Buffer[]> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) {
    if (chunks.length === 0) await passing(pause)
    chunks.push(chunk)
  }
  return chunks
}

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
    socket.write(`PUT /v1/objects/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`)
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

describe("a silent or slow client", () => {
  it("gets 408 where its head does not come", async () => {
    const { port } = await listen(mapStore(), { headersTimeout: 50, checkInterval: 20 })
    expect(statusOf(await exchange(port, "GET /health HTTP/1.1\r\nHost: x\r\n"))).toBe(408)
    // A connection that says nothing at all is closed too.
    const socket = openSocket(port)
    socket.resume()
    await once(socket, "close")
  })

  it("is cut where its body stops", async () => {
    const { store, put } = watching()
    const { port } = await listen(store, { idleTimeout: 50, lingerTime: 50 })
    const socket = openSocket(port)
    socket.write("PUT /v1/objects/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhello")
    const answer = await readAnswer(socket)
    expect([statusOf(answer), bodyOf(answer).code]).toEqual([400, "SOURCE_FAILED"])
    if (!socket.destroyed) await once(socket, "close")
    expect(await (await put).failure).toMatchObject({ code: "SOURCE_FAILED" })
  })

  it("is not cut while it is us who are slow", async () => {
    const store = mapStore()
    const slow: Store = {
      ...store,
      put: async (input, options) => {
        const [first, ...rest] = await readSlowly(input as Readable, 200)
        return store.put(Buffer.concat([first!, ...rest]), options)
      },
    }
    const { url } = await listen(slow, { idleTimeout: 50 })
    const answer = await fetch(`${url}/v1/objects/a`, { method: "PUT", body: Buffer.alloc(3_000_000) })
    expect(answer.status).toBe(201)
  })

  it("is not cut while its bytes come, however few", async () => {
    const { port } = await listen(mapStore(), { idleTimeout: 400 })
    const upload = request({ port, method: "PUT", path: "/v1/objects/a", headers: { "content-length": 70_000 } })
    const answered = once(upload, "response")
    for (let drop = 0; drop < 7; drop++) {
      upload.write(Buffer.alloc(10_000))
      await passing(100)
    }
    upload.end()
    const [response] = await answered
    expect(response.statusCode).toBe(201)
    response.resume()
  })

  it("is cut where it does not read what it asked for", async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    const endless = () =>
      new Readable({
        read() {
          this.push(Buffer.alloc(65_536))
        },
        destroy(error, done) {
          resolve()
          done(error)
        },
      })
    const store = serving(endless)
    await store.put(Buffer.alloc(50_000_000), { key: "a" })
    const { port } = await listen(store, { idleTimeout: 50 })
    const socket = openSocket(port)
    socket.pause()
    socket.write("GET /v1/objects/a HTTP/1.1\r\nHost: x\r\n\r\n")
    await closed
  })
})

describe("a stream that fails", () => {
  it("late cuts the connection: the client never sees a clean end", async () => {
    const broken = () =>
      Readable.from(
        (async function* () {
          yield Buffer.alloc(65_536, "a")
          await new Promise((resolve) => setImmediate(resolve))
          throw new StoredError("CORRUPT", "The bytes do not hash to their id.")
        })(),
      )
    const store = serving(broken)
    await store.put(Buffer.alloc(100_000), { key: "a" })
    const { port, url } = await listen(store)
    const answer = await exchange(port, `GET /v1/objects/a HTTP/1.1\r\n${CLOSE}\r\n`)
    const [head, body = ""] = answer.split("\r\n\r\n", 2)
    expect(head).toMatch(/content-length: 100000/i)
    expect(head).not.toMatch(/transfer-encoding/i)
    expect(body.length).toBeLessThan(100_000)
    await expect(fetch(`${url}/v1/objects/a`).then((read) => read.arrayBuffer())).rejects.toThrow()
    expect((await fetch(`${url}/health`)).status).toBe(200)
  })

  it("before its first byte is an honest error, with nothing of the blob in it", async () => {
    const store = serving(() => {
      const stream = new Readable({ read() {} })
      setImmediate(() =>
        stream.destroy(new StoredError("COPY_UNAVAILABLE", "The copy cannot be read.", { details: { others: ["b"] } })),
      )
      return stream
    })
    await store.put(Buffer.alloc(100), { key: "a" })
    const { url } = await listen(store)
    const answer = await fetch(`${url}/v1/objects/a`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ code: "COPY_UNAVAILABLE", details: { others: ["b"] } })
    for (const name of ["etag", "content-disposition", "accept-ranges", "last-modified", "repr-digest"]) {
      expect(answer.headers.get(name), name).toBeNull()
    }
  })
})

describe("a client that goes away", () => {
  it("half way through an upload aborts the put", async () => {
    const { store, put } = watching()
    const { port } = await listen(store)
    const socket = openSocket(port)
    socket.write("PUT /v1/objects/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhello")
    const { signal, failure, body } = await put
    socket.destroy()
    expect(await failure).toMatchObject({ code: "ABORTED" })
    if (!signal.aborted) await once(signal, "abort")
    expect(body.destroyed).toBe(true)
    expect(await store.stat("a")).toBeNull()
  })

  it("after a body without end, by closing its side, stores nothing", async () => {
    const { store, put } = watching()
    const { port } = await listen(store)
    const socket = openSocket(port)
    socket.end("PUT /v1/objects/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    const answer = await readAnswer(socket)
    expect(statusOf(answer)).toBe(400)
    expect(await (await put).failure).toMatchObject({ code: "ABORTED" })
    expect(await store.stat("a")).toBeNull()
  })

  it("half way through a download frees the stream", async () => {
    const { promise: freed, resolve } = Promise.withResolvers<void>()
    const store = serving(
      () =>
        new Readable({
          read() {
            setImmediate(() => this.push(Buffer.alloc(65_536)))
          },
          destroy(error, done) {
            resolve()
            done(error)
          },
        }),
    )
    await store.put(Buffer.alloc(50_000_000), { key: "a" })
    const { port } = await listen(store)
    const socket = openSocket(port)
    socket.write("GET /v1/objects/a HTTP/1.1\r\nHost: x\r\n\r\n")
    await once(socket, "data")
    socket.destroy()
    await freed
  })

  it("while the store is at work fires the signal", async () => {
    const store = mapStore()
    const { promise: began, resolve } = Promise.withResolvers<AbortSignal>()
    const waiting: Store = {
      ...store,
      put: (_input, options) => {
        const signal = options!.signal!
        resolve(signal)
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      },
    }
    const { port } = await listen(waiting)
    const socket = openSocket(port)
    socket.write("PUT /v1/objects/a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
    const signal = await began
    socket.destroy()
    if (!signal.aborted) await once(signal, "abort")
    expect(signal.reason).toMatchObject({ code: "ABORTED" })
  })
})

describe("a refusal while the body still comes", () => {
  it("drops the rest of it and takes the next request", async () => {
    const { port } = await listen(mapStore())
    const socket = openSocket(port)
    socket.write(
      "PUT /v1/objects/a HTTP/1.1\r\nHost: x\r\nX-Stored-Backends: nowhere\r\nContent-Length: 5000000\r\n\r\n",
    )
    const refused = readAnswer(socket)
    socket.write(Buffer.alloc(5_000_000))
    expect(statusOf(await refused)).toBe(400)
    const next = readAnswer(socket)
    socket.write("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
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
