/** The paths for workers: who may use them, and what they make of what is sent, good and hostile. */
import { once } from "node:events"
import { request } from "node:http"
import { Readable, Writable } from "node:stream"
import { pino } from "pino"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { EXCHANGE_VERSION, MOST_IN_A_MESSAGE } from "../../queues/exchange.ts"
import { buildApp } from "../../src/api/app.ts"
import type { InternalServices } from "../../src/api/internal-services.ts"
import type { ApiLimits } from "../../src/api/limits.ts"
import { type StartOptions, startServer } from "../../src/api/start-server.ts"
import { StoredError } from "../../src/core/error.ts"
import { problem } from "./api-requests.ts"
import { openSocket, readAnswer, statusOf } from "./api-server.ts"
import { mapStore } from "./map-store.ts"
import { ID, orderFor, pointerTo, TestDesk, TOKEN } from "./worker-desk.ts"

const BEARER = { authorization: `Bearer ${TOKEN}` }
const WORKER = {
  id: "worker-of-tests",
  host: "h",
  pid: 1,
  started: 0,
  kinds: ["sync"],
  backends: [],
  running: 0,
  taking: true,
}
const EMPTY = { version: EXCHANGE_VERSION, worker: WORKER, claims: [], results: [] }

async function serve(parts: Partial<InternalServices> = {}, limits: Partial<ApiLimits> = {}) {
  const desk = new TestDesk()
  const lines: string[] = []
  const log = pino({ level: "trace" }, new Writable({ write: (line, _, done) => done(void lines.push(String(line))) }))
  const services: InternalServices = {
    desk,
    content: async () => ({ size: 0, read: () => Readable.from([]) }),
    suspect: async () => {},
    ...parts,
  }
  const app = buildApp({ store: mapStore(), log, limits, internal: { token: TOKEN, services: () => services } })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  return { desk, lines, port, url: `http://127.0.0.1:${port}` }
}

function post(url: string, body: string | Uint8Array | ReadableStream): Promise<Response> {
  return fetch(`${url}/internal/exchange`, { method: "POST", headers: BEARER, body, duplex: "half" } as RequestInit)
}

describe("the worker token", () => {
  it.each<[string, Record<string, string>]>([
    ["absent", {}],
    ["wrong", { authorization: "Bearer another-token-0123456789" }],
    ["a beginning of the right one", { authorization: `Bearer ${TOKEN.slice(0, -1)}` }],
    ["longer than the right one", { authorization: `Bearer ${TOKEN}x` }],
    ["of another scheme", { authorization: `Basic ${TOKEN}` }],
    ["empty", { authorization: "Bearer " }],
  ])("%s is 401, told like every other", async (_, headers) => {
    const { url, lines } = await serve()
    const told = await fetch(`${url}/internal/configuration`)
    const response = await fetch(`${url}/internal/configuration`, { headers })
    expect(response.headers.get("www-authenticate")).toBe("Bearer")
    expect(await response.clone().text()).toBe(await told.text())
    expect(await problem(response)).toEqual([401, undefined])
    for (const [method, path] of [
      ["POST", "/internal/exchange"],
      ["GET", `/internal/content/${ID}?size=1`],
      ["POST", `/internal/suspect/${ID}`],
    ] as const)
      expect((await fetch(url + path, { method, headers })).status).toBe(401)
    expect(lines.join("")).not.toContain("another-token")
  })

  it("is asked for before the body is read", async () => {
    const { port } = await serve()
    const socket = openSocket(port)
    socket.write("POST /internal/exchange HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
    expect(statusOf(await readAnswer(socket))).toBe(401)
  })

  it("opens the paths, in any writing of its scheme", async () => {
    const { url } = await serve()
    const response = await fetch(`${url}/internal/configuration`, { headers: { authorization: `bearer ${TOKEN}` } })
    expect(response.status).toBe(200)
    expect(response.headers.get("cache-control")).toBe("no-store")
    expect(await response.json()).toMatchObject({ version: EXCHANGE_VERSION, revision: "r1", prefix: "test" })
  })

  it("is in no log and no error", async () => {
    const fault = async (): Promise<never> => {
      throw new Error("broken inside")
    }
    const { url, lines } = await serve({ suspect: fault, content: fault })
    await fetch(`${url}/internal/suspect/${ID}`, { method: "POST", headers: BEARER })
    const response = await fetch(`${url}/internal/content/${ID}?size=1`, { headers: BEARER })
    expect(await response.clone().text()).not.toContain(TOKEN)
    expect(await problem(response)).toEqual([500, "INTERNAL"])
    expect(lines.join("")).toContain("broken inside")
    expect(lines.join("")).not.toContain(TOKEN)
  })
})

describe("paths for workers", () => {
  it("are not there without a token", async () => {
    const app = buildApp({ store: mapStore() })
    onTestFinished(() => app.close())
    for (const url of ["/internal/configuration", "/internal/exchange", `/internal/content/${ID}?size=1`]) {
      expect((await app.inject({ url, headers: BEARER })).statusCode, url).toBe(404)
    }
  })

  it("tell a wrong method from an unknown path", async () => {
    const { url } = await serve()
    const wrong = await fetch(`${url}/internal/exchange`, { headers: BEARER })
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"])
    expect((await fetch(`${url}/internal/nothing`, { headers: BEARER })).status).toBe(404)
  })

  it("are CLOSED while the store opens, and where the store does its work itself", async () => {
    const opening = Promise.withResolvers<ReturnType<typeof mapStore>>()
    const address = Promise.withResolvers<string>()
    const options: StartOptions = {
      config: {},
      host: "127.0.0.1",
      port: 0,
      log: pino({ level: "silent" }),
      onFault: () => {},
      workerToken: TOKEN,
      openStore: (_, how) => {
        address.resolve(how.address)
        return opening.promise
      },
    }
    const starting = startServer(options)
    const ask = async () => problem(await fetch(`${await address.promise}/internal/configuration`, { headers: BEARER }))
    expect(await ask()).toEqual([503, "CLOSED"])
    opening.resolve({ ...mapStore(), close: async () => {} })
    const server = await starting
    expect(await ask()).toEqual([503, "CLOSED"])
    await server.close(1_000)
  })

  it("serve what was opened beside the store", async () => {
    const desk = new TestDesk()
    const store = { ...mapStore(), close: async () => {} }
    const internal = { desk, content: async () => ({ read: () => Readable.from([]) }), suspect: async () => {} }
    const server = await startServer({
      config: {},
      host: "127.0.0.1",
      port: 0,
      log: pino({ level: "silent" }),
      onFault: () => {},
      workerToken: TOKEN,
      openStore: async () => ({
        store,
        internal,
        metrics: { text: async () => "", watchProcess: () => {} },
        board: null,
      }),
    })
    expect((await fetch(`${server.url}/internal/configuration`, { headers: BEARER })).status).toBe(200)
    expect(server.store).toBe(store)
    await server.close(1_000)
  })
})

describe("an exchange", () => {
  it("carries claims and results to the desk, and its answer back", async () => {
    const { url, desk } = await serve()
    desk.orders.set("j1", orderFor("k"))
    const claims = [
      { ref: 0, jobId: "j1", pointer: pointerTo("k") },
      { ref: 1, jobId: "j2", pointer: pointerTo("l") },
    ]
    const results = [{ ref: 2, claim: "c", pointer: pointerTo("m"), result: { type: "returned" } }]
    const response = await post(url, JSON.stringify({ ...EMPTY, claims, results }))
    expect([response.status, response.headers.get("cache-control")]).toEqual([200, "no-store"])
    expect(await response.json()).toEqual({
      version: EXCHANGE_VERSION,
      revision: "r1",
      claims: [
        { ref: 0, order: orderFor("k") },
        { ref: 1, order: null },
      ],
      results: [{ ref: 2, status: "applied" }],
    })
    expect(desk.messages[0]).toEqual({ ...EMPTY, claims, results })
  })

  const claim = (ref: number) => ({ ref, jobId: "j", pointer: pointerTo("k") })
  const failed = (details: unknown) => ({
    ref: 0,
    claim: "c",
    pointer: pointerTo("k"),
    result: { type: "failed", error: { code: "INTERNAL", message: "m", retryable: true, details } },
  })
  const nested = `${"[".repeat(200_000)}${"]".repeat(200_000)}`

  it.each<[string, string | Uint8Array]>([
    ["is not JSON", "{"],
    ["is empty", ""],
    ["is not UTF-8", Buffer.from([0x7b, 0xff, 0x7d])],
    ["is of another version", JSON.stringify({ ...EMPTY, version: 2 })],
    ["has a name that is none", JSON.stringify({ ...EMPTY, token: "x" })],
    [
      "has too many claims",
      JSON.stringify({ ...EMPTY, claims: Array.from({ length: MOST_IN_A_MESSAGE + 1 }, (_, n) => claim(n)) }),
    ],
    [
      "has a pointer that is none",
      JSON.stringify({ ...EMPTY, claims: [{ ...claim(0), pointer: { version: 2, kind: "sync" } }] }),
    ],
    ["has a result that is none", JSON.stringify({ ...EMPTY, results: [{ ...failed({}), result: { type: "done" } }] })],
    [
      "is nested a hundred thousand times",
      JSON.stringify({ ...EMPTY, results: [failed({ a: 0 })] }).replace('"a":0', `"a":${nested}`),
    ],
  ])("that %s is refused and never reaches the desk", async (_, body) => {
    const { url, desk } = await serve()
    const response = await post(url, body)
    expect(await problem(response)).toEqual([400, "INVALID_INPUT"])
    expect(desk.messages).toEqual([])
  })

  it("tells the first of many mistakes", async () => {
    const { url } = await serve()
    const claims = Array.from({ length: 500 }, () => ({}))
    const { issues } = (await (await post(url, JSON.stringify({ ...EMPTY, claims }))).json()) as { issues: unknown[] }
    expect(issues).toHaveLength(20)
  })

  it.each<[string, (size: number) => Uint8Array | ReadableStream]>([
    ["by its length", (size) => Buffer.alloc(size, " ")],
    ["in chunks", (size) => new Blob([Buffer.alloc(size, " ")]).stream()],
  ])("that is too large %s is refused", async (_, body) => {
    const { url, desk } = await serve()
    expect(await problem(await post(url, body(4 * 2 ** 20 + 1)))).toEqual([413, "TOO_LARGE"])
    expect(desk.messages).toEqual([])
    const text = JSON.stringify(EMPTY)
    expect((await post(url, Buffer.from(text.padEnd(4 * 2 ** 20, " ")))).status).toBe(200)
  })

  it("that the desk does not answer ends at its deadline, and a late fault of the desk ends nothing", async () => {
    const { url, desk, lines } = await serve({}, { exchangeTimeout: 30 })
    const gate = Promise.withResolvers<never>()
    desk.before = () => gate.promise
    expect(await problem(await post(url, JSON.stringify(EMPTY)))).toEqual([504, "TIMEOUT"])
    gate.reject(new Error("late word"))
    desk.before = () => {}
    expect((await post(url, JSON.stringify(EMPTY))).status).toBe(200)
    expect(lines.join("")).toContain("late word")
  })

  it("whose body does not come ends at its deadline", async () => {
    const { port, lines } = await serve({}, { exchangeTimeout: 30, lingerTime: 60_000, idleTimeout: 60_000 })
    const socket = openSocket(port)
    socket.write(
      `POST /internal/exchange HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 9\r\n\r\n{`,
    )
    expect(statusOf(await readAnswer(socket))).toBe(504)
    // Nothing waits for the rest of the body any more.
    await vi.waitFor(() => expect(lines.join("")).toContain("a late exchange failed"))
  })

  it("answers what the desk throws", async () => {
    const { url, desk } = await serve()
    desk.before = () => {
      throw new StoredError("CLOSED", "The store is closing.", { retryable: true })
    }
    expect(await problem(await post(url, JSON.stringify(EMPTY)))).toEqual([503, "CLOSED"])
  })
})

describe("the content of a job", () => {
  const BYTES = Buffer.from("0123456789")
  const asked: unknown[][] = []
  const content: InternalServices["content"] = async (...words) => {
    asked.push(words)
    return {
      size: BYTES.length,
      read: ({ start, end } = { start: 0, end: 10 }) => Readable.from([BYTES.subarray(start, end)]),
    }
  }
  const get = (url: string, query: string, headers: Record<string, string> = {}) =>
    fetch(`${url}/internal/content/${ID}${query}`, { headers: { ...BEARER, ...headers } })

  it("comes whole or from any byte on, described by its length", async () => {
    const { url } = await serve({ content })
    const whole = await get(url, "?size=10&backend=b&key=a%2Fb")
    expect([whole.status, whole.headers.get("content-length"), await whole.text()]).toEqual([200, "10", "0123456789"])
    expect(asked.at(-1)!.slice(0, 2)).toEqual([ID, 10])
    expect(asked.at(-1)![3]).toEqual({ backend: "b", key: "a/b" })
    const rest = await get(url, "?size=10", { range: "bytes=7-" })
    expect([rest.status, rest.headers.get("content-range"), await rest.text()]).toEqual([206, "bytes 7-9/10", "789"])
    expect(asked.at(-1)![3]).toBeUndefined()
    const part = await get(url, "?size=10", { range: "bytes=2-3" })
    expect([part.headers.get("content-length"), await part.text()]).toEqual(["2", "23"])
  })

  it.each<[string, string, Record<string, string>, number, string]>([
    ["without a size", "", {}, 400, "INVALID_INPUT"],
    ["with a size that is none", "?size=-1", {}, 400, "INVALID_INPUT"],
    ["with a backend and no key", "?size=10&backend=b", {}, 400, "INVALID_INPUT"],
    ["with a name that is none", "?size=10&token=x", {}, 400, "INVALID_INPUT"],
    ["with another size than it has", "?size=11", {}, 400, "SIZE_MISMATCH"],
    ["from behind its end", "?size=10", { range: "bytes=10-" }, 416, "INVALID_RANGE"],
  ])("asked for %s is refused", async (_, query, headers, status, code) => {
    const { url } = await serve({ content })
    expect(await problem(await get(url, query, headers))).toEqual([status, code])
  })

  it("needs the id of a blob", async () => {
    const { url } = await serve({ content })
    for (const id of ["x", "md5:0123456789abcdef0123456789abcdef", `${ID}/..`]) {
      const response = await fetch(`${url}/internal/content/${encodeURIComponent(id)}?size=1`, { headers: BEARER })
      expect(await problem(response), id).toEqual([400, "INVALID_INPUT"])
    }
  })

  it("is let go where the worker goes away half-way", async () => {
    const closed = Promise.withResolvers<void>()
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
      destroy: (error, done) => {
        closed.resolve()
        done(error)
      },
    })
    const { port } = await serve({ content: async () => ({ size: 2 ** 40, read: () => endless }) })
    const download = request({ port, path: `/internal/content/${ID}?size=${2 ** 40}`, headers: BEARER }).end()
    const [response] = await once(download, "response")
    await once(response, "data")
    response.destroy()
    await closed.promise
  })

  it("is no longer looked for where the worker goes away before it begins", async () => {
    const looking = Promise.withResolvers<AbortSignal>()
    const { port } = await serve({
      content: (_id, _size, signal) => {
        looking.resolve(signal)
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      },
    })
    const download = request({ port, path: `/internal/content/${ID}?size=1`, headers: BEARER }).end()
    download.on("error", () => {})
    const signal = await looking.promise
    const aborted = once(signal, "abort")
    download.destroy()
    await aborted
  })
})

describe("a blob that is suspected", () => {
  it("is looked at again before the answer", async () => {
    const seen: string[] = []
    const { url } = await serve({ suspect: async (id) => void seen.push(id) })
    const response = await fetch(`${url}/internal/suspect/${ID}`, { method: "POST", headers: BEARER })
    expect([response.status, seen]).toEqual([204, [ID]])
    expect((await fetch(`${url}/internal/suspect/x`, { method: "POST", headers: BEARER })).status).toBe(400)
  })
})
