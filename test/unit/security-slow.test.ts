/** Clients that hold what they have: heads that drip, bodies that stop, bodies that drip, and too many connections. Every route that reads a body holds it to the same. */
import { once } from "node:events"
import type { IncomingMessage } from "node:http"
import type { Socket } from "node:net"
import { PassThrough } from "node:stream"
import { describe, expect, it, onTestFinished } from "vitest"
import { type ApiLimits, DEFAULT_LIMITS } from "../../src/api/limits.ts"
import type { Route } from "../../src/api/route.ts"
import { uploadBody } from "../../src/api/upload-body.ts"
import type { Store } from "../../src/store/store.ts"
import { bodyOf, exchange, listen, openSocket, readAnswer, statusOf } from "./api-server.ts"
import { listenEverywhere } from "./every-route-server.ts"
import { mapStore } from "./map-store.ts"
import { EVERY_ROUTE, plainTarget } from "./security-places.ts"
import { TOKEN } from "./worker-desk.ts"

/** Those that read what a client sends. */
const READERS = EVERY_ROUTE.filter(({ body, takesBytes }) => body !== undefined || takesBytes === true).map(
  (route): [string, Route] => [`${route.method} ${route.path}`, route],
)

/** A server with paths for workers; signed addresses are good, whatever they say. */
async function serve(limits: Partial<ApiLimits>): Promise<number> {
  const grant = {
    name: "a",
    expires: Date.now() + 3_600_000,
    maxSize: null,
    contentHash: null,
    ifAbsent: false,
    token: null,
  }
  const verbs = {
    ...mapStore(),
    checkSignedUrl: async () => grant,
    requireUnexpired: () => {},
    notify: (_name: string, { body }: { body(): Promise<Buffer> }) => body(),
    isRepeated: () => false,
    listBackends: () => ["a"],
    getBackend: () => ({ isDefault: true }),
  }
  return listenEverywhere(verbs as unknown as Store, limits)
}

/** What comes on the way there, a reset too, is none of our business. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => (socket.closed ? resolve() : socket.once("close", () => resolve())))
}

/** Begins a request whose body is never whole. */
function begin(port: number, { method, path }: Pick<Route, "method" | "path">, target: string): Socket {
  const bearer = path.startsWith("/internal/") ? `Authorization: Bearer ${TOKEN}\r\n` : ""
  const socket = openSocket(port)
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${bearer}Content-Length: 1000\r\n\r\n{`)
  return socket
}

describe("every route that reads a body", () => {
  it("is found", () => {
    expect(READERS.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        "PUT /v1/objects/{key}",
        "POST /v1/copy",
        "POST /v1/notifications/{name}",
        "POST /internal/exchange",
      ]),
    )
  })

  it.each(READERS)("%s gives up one that stops, and then its connection", async (_name, route) => {
    const port = await serve({ idleTimeout: 50 })
    const socket = begin(port, route, plainTarget(route))
    const answer = await readAnswer(socket)
    expect([statusOf(answer), bodyOf(answer).code]).toEqual([400, "SOURCE_FAILED"])
    expect(bodyOf(answer).detail).toMatch(/sent nothing/)
    await closed(socket)
  })

  it.each(READERS)("%s gives up one that drips, and then its connection", async (_name, route) => {
    // A rate that nobody has, from the first moment on: what comes is too slow however fast it comes.
    const port = await serve({ leastRate: 1e15, leastRateAfter: 0 })
    const socket = begin(port, route, plainTarget(route))
    const drip = setInterval(() => socket.write(" "), 20)
    onTestFinished(() => clearInterval(drip))
    const answer = await readAnswer(socket)
    expect([statusOf(answer), bodyOf(answer).code]).toEqual([400, "SOURCE_FAILED"])
    expect(bodyOf(answer).detail).toMatch(/fewer than 1000000000000000 bytes a second.*STORED_LEAST_UPLOAD_RATE/)
    await closed(socket)
  })
})

describe("the rate of a body", () => {
  const LIMITS = { ...DEFAULT_LIMITS, idleTimeout: 3_600_000 }

  /** A body whose time passes as the test says. */
  function opened(limits: Partial<ApiLimits> = {}) {
    const clock = { now: 5_000 }
    const request = Object.assign(new PassThrough(), { complete: false, headers: {} })
    const body = uploadBody(request as unknown as IncomingMessage, { ...LIMITS, ...limits }, () => clock.now)
    const failure = once(body, "error").then(([error]: unknown[]) => error)
    // From now on the client is waited for.
    body.read(0)
    onTestFinished(() => {
      body.destroy()
      request.destroy()
    })
    /** Waits for so long, then gives so many bytes. */
    const give = async (size: number, after: number): Promise<void> => {
      clock.now += after
      const { promise: came, resolve } = Promise.withResolvers<void>()
      const hear = (): void => resolve()
      body.on("data", hear).on("error", hear)
      request.write(Buffer.alloc(size))
      await came
      body.off("data", hear).off("error", hear)
    }
    return { body, request, clock, give, failure }
  }

  it("a byte a second is given up after a minute, and not before", async () => {
    const { body, give, failure } = opened()
    body.resume()
    for (let second = 0; second < 60; second += 1) await give(1, 1_000)
    expect(body.destroyed).toBe(false)
    await give(1, 1_000)
    expect(await failure).toMatchObject({
      code: "SOURCE_FAILED",
      retryable: true,
      message: expect.stringMatching(/fewer than 100 bytes a second/),
    })
  })

  it("is that of all that came: what stood still may be made good, and as much as is asked for is enough", async () => {
    const { body, give, failure } = opened()
    body.resume()
    await give(1, 59_000)
    await give(100 * 119, 60_000)
    for (let second = 0; second < 300; second += 1) await give(100, 1_000)
    expect(body.destroyed).toBe(false)
    // A byte less than what is asked for by then.
    await give(98, 1_000)
    await failure
    expect(body.destroyed).toBe(true)
  })

  it("does not count the time in which the client waits for us", async () => {
    const { body, request, clock } = opened()
    // Nobody reads: the buffers fill, and the client is held up.
    request.write(Buffer.alloc(300_000))
    while (!request.isPaused()) await new Promise(setImmediate)
    clock.now += 3_600_000
    const more = new Promise<void>((resolve) => {
      let count = 0
      body.on("data", (chunk: Buffer) => {
        count += chunk.length
        if (count === 300_001) resolve()
      })
    })
    request.write(Buffer.alloc(1))
    await more
    expect(body.destroyed).toBe(false)
  })

  it("is not asked about where the rule is off", async () => {
    const { body, give } = opened({ leastRate: 0 })
    body.resume()
    for (let hour = 0; hour < 10; hour += 1) await give(1, 3_600_000)
    expect(body.destroyed).toBe(false)
  })
})

describe("heads and connections", () => {
  it("a head that drips is cut by its deadline, however steadily it comes", async () => {
    const { port } = await listen(mapStore(), { headersTimeout: 200, checkInterval: 20 })
    const socket = openSocket(port)
    socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n")
    const drip = setInterval(() => socket.write("a: b\r\n"), 20)
    onTestFinished(() => clearInterval(drip))
    expect(statusOf(await readAnswer(socket))).toBe(408)
    await closed(socket)
  })

  it("a connection without another request is closed", async () => {
    const { port } = await listen(mapStore(), { keepAliveTimeout: 50, checkInterval: 20 })
    const socket = openSocket(port)
    socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    expect(statusOf(await readAnswer(socket))).toBe(200)
    await closed(socket)
  })

  it("more connections than the cap are closed as they come, and there is room again where one goes", async () => {
    const { port } = await listen(mapStore(), { maxConnections: 3 })
    const ask = (): Promise<string> =>
      exchange(port, "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    const held = Array.from({ length: 3 }, () => openSocket(port))
    for (const socket of held) {
      socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
      expect(statusOf(await readAnswer(socket))).toBe(200)
    }
    expect(await ask()).toBe("")
    held[0]!.destroy()
    // The server hears of it when it hears of it.
    let answer = ""
    while (answer === "") answer = await ask()
    expect(statusOf(answer)).toBe(200)
  })

  it("are bounded unless somebody says otherwise", () => {
    const { headersTimeout, idleTimeout, leastRate, leastRateAfter, keepAliveTimeout, maxConnections } = DEFAULT_LIMITS
    for (const limit of [headersTimeout, idleTimeout, leastRate, leastRateAfter, keepAliveTimeout, maxConnections]) {
      expect(limit).toBeGreaterThan(0)
      expect(limit).toBeLessThan(Number.POSITIVE_INFINITY)
    }
  })
})
