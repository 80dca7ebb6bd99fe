/** Silent, slow and vanishing clients: who is cut, who is not, and what becomes of what they began (rows 43 to 46 of the fault table, as far as the door goes). */
import { once } from "node:events"
import { request } from "node:http"
import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import type { Store } from "../../src/store/store.ts"
import { bodyOf, exchange, listen, openSocket, readAnswer, statusOf } from "./api-server.ts"
import { passing, readSlowly, serving, watching } from "./api-watched-store.ts"
import { mapStore } from "./map-store.ts"

describe("a silent or slow client", () => {
  it("gets 408 where its head does not come", async () => {
    const { port } = await listen(mapStore(), { headersTimeout: 50, checkInterval: 20 })
    expect(statusOf(await exchange(port, "GET /health HTTP/1.1\r\nHost: localhost\r\n"))).toBe(408)
    // A connection that says nothing at all is closed too.
    const socket = openSocket(port)
    socket.resume()
    await once(socket, "close")
  })

  it("is cut where its body stops", async () => {
    const { store, put } = watching()
    const { port } = await listen(store, { idleTimeout: 50, lingerTime: 50 })
    const socket = openSocket(port)
    socket.write("PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nhello")
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
    socket.write("GET /v1/objects/a HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await closed
  })
})

describe("a client that goes away", () => {
  it("half way through an upload aborts the put", async () => {
    const { store, put } = watching()
    const { port } = await listen(store)
    const socket = openSocket(port)
    socket.write("PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nhello")
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
    socket.end("PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
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
    socket.write("GET /v1/objects/a HTTP/1.1\r\nHost: localhost\r\n\r\n")
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
    socket.write("PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello")
    const signal = await began
    socket.destroy()
    if (!signal.aborted) await once(signal, "abort")
    expect(signal.reason).toMatchObject({ code: "ABORTED" })
  })
})
