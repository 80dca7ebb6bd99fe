/** Which web pages may use the server: requests as browsers send them, by raw sockets, because `fetch` sets `Host` and `Origin` itself. */
import { promisify } from "node:util"
import { describe, expect, it, onTestFinished } from "vitest"
import { type AppOptions, buildApp } from "../../src/api/app.ts"
import { parseEnvironment } from "../../src/api/environment.ts"
import { StoredError } from "../../src/core/error.ts"
import type { Store } from "../../src/store/store.ts"
import { bodyOf, exchange, statusOf } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const APP = "https://app.example.org"

type Headers = Record<string, string>

async function served(options: Partial<AppOptions> = {}) {
  const store = mapStore()
  const app = buildApp({ store, ...options })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  const { port } = app.server.address() as { port: number }
  const ask = (method: string, path: string, headers: Headers): Promise<string> => {
    const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    )
    const body = method === "PUT" ? "Content-Length: 5\r\n\r\nhello" : "\r\n"
    return exchange(port, `${method} ${path} HTTP/1.1\r\nConnection: close\r\n${lines.join("")}${body}`)
  }
  const connections = promisify(app.server.getConnections).bind(app.server)
  return { store, port, ask, connections, put: (headers: Headers) => ask("PUT", "/v1/objects/a", headers) }
}

const stored = async (store: Store): Promise<boolean> => (await store.stat("a")) !== null

describe("a page of another site", () => {
  it.each([
    "http://evil.example",
    "https://127.0.0.1",
    "http://127.0.0.1:1",
    "null",
    "",
    "http://127.0.0.1.evil.example",
    "x",
  ])("%j writes nothing", async (origin) => {
    const { store, put } = await served()
    const answer = await put({ Origin: origin })
    expect([statusOf(answer), bodyOf(answer).code]).toEqual([403, "FORBIDDEN"])
    expect(answer).not.toMatch(/access-control/i)
    expect(await stored(store)).toBe(false)
  })

  it("is refused although a token is asked for, and is not told which one", async () => {
    const { put } = await served({ adminToken: "the-token-of-the-admin" })
    const authorization = { Authorization: "Bearer the-token-of-the-admin" }
    expect(statusOf(await put({ ...authorization, Origin: "http://evil.example" }))).toBe(403)
    expect(statusOf(await put(authorization))).toBe(201)
  })

  it("gets no leave by a preflight", async () => {
    const { ask } = await served()
    const answer = await ask("OPTIONS", "/v1/objects/a", { Origin: APP, "Access-Control-Request-Method": "PUT" })
    expect(statusOf(answer)).toBe(403)
    expect(answer).not.toMatch(/access-control/i)
  })

  it("opens no stream and no upgrade, and holds no connection by trying", async () => {
    const { ask, connections } = await served()
    const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" }
    const key = { "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", Origin: "http://evil.example" }
    expect(statusOf(await ask("GET", "/v1/events", { ...upgrade, ...key }))).toBe(403)
    await expect.poll(() => connections()).toBe(0)
  })

  it("embeds nothing while nobody is asked for a token, and is linked to", async () => {
    const { ask, put } = await served()
    await put({})
    const image = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" }
    expect(statusOf(await ask("GET", "/v1/objects/a", image))).toBe(403)
    expect(statusOf(await ask("GET", "/v1/objects/a", { ...image, "Sec-Fetch-Mode": "navigate" }))).toBe(200)
    expect(statusOf(await ask("GET", "/v1/objects/a", { ...image, "Sec-Fetch-Site": "same-origin" }))).toBe(200)
    // An address that was signed for it goes its own way: here it is only wrong.
    expect(statusOf(await ask("GET", "/v1/signed/a", image))).not.toBe(403)
  })
})

describe("the server's own page", () => {
  it("may do what it likes, by whichever name it was reached", async () => {
    const { port, put } = await served()
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, "nas.localhost"])
      expect([201, 200]).toContain(statusOf(await put({ Host: host, Origin: `http://${host}` })))
    expect(statusOf(await put({ Host: "localhost", Origin: "https://localhost" }))).toBe(200)
    expect(statusOf(await put({ Host: "localhost:443", Origin: "https://localhost" }))).toBe(200)
  })

  it("and so may programs, which have no page", async () => {
    const { put } = await served()
    expect(statusOf(await put({}))).toBe(201)
  })
})

describe("a name that was pointed to this host", () => {
  it.each([
    "evil.example",
    "evil.example:7070",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "192.0.2.1",
    "127.0.0.1@evil.example",
    "",
  ])("%j is refused while nobody is asked for a token", async (host) => {
    const { store, put } = await served()
    expect(statusOf(await put({ Host: host, Origin: `http://${host}` }))).toBe(403)
    expect(statusOf(await put({ Host: host }))).toBe(403)
    expect(await stored(store)).toBe(false)
  })

  it("is as good as any where a token is asked for", async () => {
    const { put } = await served({ adminToken: "the-token-of-the-admin" })
    expect(statusOf(await put({ Host: "nas.example" }))).toBe(401)
    expect(statusOf(await put({ Host: "nas.example", Authorization: "Bearer the-token-of-the-admin" }))).toBe(201)
  })

  it("is refused while the store is starting, when nobody knows", async () => {
    const { ask } = await served({
      store: () => {
        throw new StoredError("CLOSED", "The store is starting.", { retryable: true })
      },
    })
    expect(statusOf(await ask("GET", "/health", { Host: "evil.example" }))).toBe(403)
    expect(statusOf(await ask("GET", "/health", {}))).toBe(200)
  })

  it("does not get in by a second Host", async () => {
    const { port } = await served()
    const answer = await exchange(port, "GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
    expect(statusOf(answer)).toBe(400)
  })
})

describe("a configured site", () => {
  it("gets the answers of CORS, also with what failed", async () => {
    const { put, ask } = await served({ origins: [APP] })
    for (const answer of [await put({ Origin: APP }), await ask("GET", "/v1/objects/none", { Origin: APP })]) {
      expect(answer).toMatch(new RegExp(`access-control-allow-origin: ${APP}\r\n`, "i"))
      expect(answer).toMatch(/access-control-expose-headers: .*etag/i)
      expect(answer).toMatch(/vary: origin/i)
      expect(answer).not.toMatch(/access-control-allow-credentials/i)
    }
    expect(await put({})).not.toMatch(/access-control/i)
    expect(statusOf(await put({ Origin: `${APP}.evil.example` }))).toBe(403)
    expect(statusOf(await put({ Origin: APP.replace("https", "http") }))).toBe(403)
  })

  it("is told by a preflight what it may send, without a token", async () => {
    const { ask } = await served({ origins: [APP], adminToken: "the-token-of-the-admin" })
    const asked = {
      "Access-Control-Request-Method": "PUT",
      "Access-Control-Request-Headers": "authorization,x-stored-wait",
    }
    const answer = await ask("OPTIONS", "/v1/objects/a?x=1", { Origin: APP, ...asked })
    expect(statusOf(answer)).toBe(204)
    expect(answer).toMatch(/access-control-allow-methods: GET, HEAD, PUT, DELETE\r\n/i)
    expect(answer).toMatch(/access-control-allow-headers: authorization,x-stored-wait\r\n/i)
    expect(answer).toMatch(/access-control-max-age: 600\r\n/i)
    // Without the question it is a method like any other.
    expect(statusOf(await ask("OPTIONS", "/v1/objects/a", { Origin: APP }))).toBe(405)
    expect(statusOf(await ask("OPTIONS", "/nothing", { Origin: APP, ...asked }))).toBe(404)
  })

  it("is a name by which the server may be reached", async () => {
    const { put } = await served({ origins: [APP] })
    expect(statusOf(await put({ Host: "app.example.org", Origin: APP }))).toBe(201)
    expect(statusOf(await put({ Host: "APP.example.org" }))).toBe(200)
  })
})

describe("STORED_ORIGINS", () => {
  it("is a list of origins", () => {
    const origins = (text: string) => parseEnvironment({ STORED_ORIGINS: text }).origins
    expect(origins("")).toEqual([])
    expect(origins(` ${APP}, http://localhost:5173/ ,`)).toEqual([APP, "http://localhost:5173"])
    expect(origins("https://app.example.org:443")).toEqual([APP])
    for (const text of ["*", "null", "app.example.org", `${APP}/path`, "https://user@x.example", "ftp://x.example"])
      expect(() => origins(text), text).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }))
  })
})
