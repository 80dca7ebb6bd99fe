/** Ids of requests, and the line that each request is in the log: what a client sends can put nothing of its own into either. */
import { pino } from "pino"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { loggedPath } from "../../src/api/logged-path.ts"
import { StoredError } from "../../src/core/error.ts"
import type { Store } from "../../src/store/store.ts"
import { openTestStore } from "../flow/open-store.ts"
import { bodyOf, exchange, openSocket, readAnswer } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

type Line = Record<string, unknown>

async function serve(store: Store, level = "info") {
  const lines: string[] = []
  const log = pino({ level }, { write: (line: string) => void lines.push(line) })
  const app = buildApp({ store, log })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const answered = (): Line[] =>
    lines.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === "a request was answered")
  const line = (count = 1): Promise<Line> =>
    vi.waitFor(() => {
      const all = answered()
      if (all.length < count) throw new Error(`${all.length} lines`)
      return all[count - 1]!
    }, 20_000)
  return { url, port: Number(new URL(url).port), lines, line, answered }
}

const MADE = /^[A-Za-z0-9_-]{8}-[0-9a-z]+$/

describe("the id of a request", () => {
  it.each(["a", "0af7651916cd43dd8448eb211c80319c", "Root=1-67891233-abcdef", "a_b.c:d+e/f@g=", "x".repeat(128)])(
    "%s is taken, into the answer, the problem, the log and the journal",
    async (id) => {
      const { store } = await openTestStore()
      const { url, line } = await serve(store)
      const headers = { "x-request-id": id }
      const put = await fetch(`${url}/v1/objects/k`, { method: "PUT", body: "1", headers })
      expect([put.status, put.headers.get("x-request-id")]).toEqual([201, id])
      expect((await line()).requestId).toBe(id)
      const [record] = [...store.journal({ after: 0 })].filter(({ command }) => command === "put")
      expect(record?.requestId).toBe(id)
      const absent = await fetch(`${url}/v1/objects/absent`, { headers })
      expect(absent.headers.get("x-request-id")).toBe(id)
      expect(((await absent.json()) as Line).requestId).toBe(id)
      expect(await line(2)).toMatchObject({ requestId: id, code: "NOT_FOUND", status: 404 })
    },
  )

  it.each(["x".repeat(129), "a b", "a,b", '"a"', "<script>", "a;b", "caf\u00e9", "%0a", "\u001b[2J", "a\tb"])(
    "%j is not taken: one is made",
    async (id) => {
      const { port, lines } = await serve(mapStore())
      const head = `GET /v1/objects/absent HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Request-Id: ${id}\r\n\r\n`
      const answer = await exchange(port, Buffer.from(head, "latin1"))
      const told = /^x-request-id: (.*)$/im.exec(answer)?.[1]?.trim()
      // Some do not even get through the parser of HTTP.
      if (/^HTTP\/1.1 400/.test(answer)) expect(told).toBeUndefined()
      else expect([told, bodyOf(answer).requestId]).toEqual([expect.stringMatching(MADE), told])
      expect(lines.join("")).not.toContain(id)
    },
  )

  it("is not taken of two", async () => {
    const { port } = await serve(mapStore())
    const twice = "X-Request-Id: a\r\nX-Request-Id: b\r\n"
    const answer = await exchange(port, `GET /health HTTP/1.1\r\nHost: localhost\r\n${twice}Connection: close\r\n\r\n`)
    expect(/^x-request-id: (.*)$/im.exec(answer)?.[1]?.trim()).toMatch(MADE)
  })
})

describe("a line of the log", () => {
  it("says what was asked, what came of it, and by whom", async () => {
    const { url, line } = await serve(mapStore())
    await fetch(`${url}/v1/objects/a%20b?x-id=PutObject&token=geheim`, { method: "PUT", body: "hello" })
    expect(await line()).toMatchObject({
      level: 30,
      method: "PUT",
      operation: "putObject",
      path: "/v1/objects/a%20b",
      ms: expect.any(Number),
      in: expect.any(Number),
      out: expect.any(Number),
    })
    const { in: taken, out } = await line()
    expect(taken).toBeGreaterThan(100)
    expect(out).toBeGreaterThan(100)
  })

  it("counts the bytes of each request of a connection for itself", async () => {
    const { port, line } = await serve(mapStore())
    const socket = openSocket(port)
    const request = "GET /v1/objects/absent HTTP/1.1\r\nHost: localhost\r\n\r\n"
    socket.write(request)
    const first = await readAnswer(socket)
    expect(await line(1)).toMatchObject({ in: request.length, out: first.length })
    socket.write(request)
    const second = await readAnswer(socket)
    expect(await line(2)).toMatchObject({ in: request.length, out: second.length })
  })

  it("has neither tokens nor signatures, whatever came of the request", async () => {
    const away = (): never => {
      throw new StoredError("BACKEND_UNAVAILABLE", "away", { retryable: true })
    }
    const { url, lines, line } = await serve(mapStore({ list: away }), "trace")
    const headers = { authorization: "Bearer geheim" }
    for (const path of ["objects?prefix=geheim", "objects/a?token=geheim", "nothing/here?signature=geheim"]) {
      await fetch(`${url}/v1/${path}`, { headers })
    }
    await line(3)
    expect(lines.join("")).toContain("could not be served")
    expect(lines.join("")).not.toContain("geheim")
  })

  it("is one line in printable ASCII, whatever bytes the path has", async () => {
    const { port, lines, line } = await serve(mapStore())
    await exchange(
      port,
      "GET /v1/objects/a%0Ab%1b%5b2J%c2%9b?%0a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    )
    expect((await line()).path).toBe("/v1/objects/a%0Ab%1b%5b2J%c2%9b")
    expect(lines.join("")).toMatch(/^(?:[\x20-\x7e]+\n)+$/)
    expect(loggedPath("/a\u009b2J\u0085\u00ff\n\r\t\u001b\u2028 b?c")).toBe("/a%9B2J%85%FF%0A%0D%09%1B%28%20b")
  })

  it("has no more of a path than can be read", async () => {
    const { url, line } = await serve(mapStore())
    await fetch(`${url}/v1/objects/${"x".repeat(5_000)}`)
    expect(String((await line()).path)).toHaveLength(1_025)
  })

  it("says of a client that went that it was cut, and that nothing was answered", async () => {
    const asked = Promise.withResolvers<void>()
    const gone = Promise.withResolvers<null>()
    const store = mapStore({
      stat: () => {
        asked.resolve()
        return gone.promise
      },
    })
    const { port, line } = await serve(store)
    const socket = openSocket(port)
    socket.write("GET /v1/metadata/k HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await asked.promise
    socket.destroy()
    expect(await line()).toMatchObject({ operation: "getMetadata", status: 499, cut: true })
    gone.resolve(null)
  })

  it("of what supervisors ask all the time is there at level debug only", async () => {
    const asked = async (level: string) => {
      const { url, line, answered } = await serve(mapStore(), level)
      await fetch(`${url}/health`)
      await fetch(`${url}/v1/nothing`)
      await line(level === "info" ? 1 : 2)
      return answered().map(({ operation }) => operation)
    }
    expect(await asked("info")).toEqual(["other"])
    expect(await asked("debug")).toEqual(["getHealth", "other"])
  })
})
