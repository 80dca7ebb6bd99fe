/** Bodies that are not as long as they say, at every route that there is: nothing is kept of what did not come whole, nothing of what came beside it is believed, and nobody waits. */
import { once } from "node:events"
import { describe, expect, it } from "vitest"
import type { Route } from "../../src/api/route.ts"
import type { Store } from "../../src/store/store.ts"
import { openSocket, statusOf } from "./api-server.ts"
import { listenEverywhere } from "./every-route-server.ts"
import { mapStore } from "./map-store.ts"
import { EVERY_ROUTE, plainBody, plainTarget } from "./security-places.ts"
import { TOKEN } from "./worker-desk.ts"

const LARGEST = 1_000_000
const ROUTES = EVERY_ROUTE.map((route): [string, Route] => [`${route.method} ${route.path}`, route])
const READERS = ROUTES.filter(([, { body, takesBytes }]) => body !== undefined || takesBytes === true)

/** What a store was told to do, beside being asked what it is. */
async function serve() {
  const done: string[] = []
  const plain = mapStore()
  const signed = {
    name: "a",
    expires: Date.now() + 3_600_000,
    maxSize: null,
    contentHash: null,
    ifAbsent: false,
    token: null,
  }
  const known: Record<string, unknown> = {
    ...plain,
    put: async (...given: Parameters<Store["put"]>) => {
      const result = await plain.put(...given)
      done.push("put")
      return result
    },
    checkSignedUrl: async () => signed,
    requireUnexpired: () => {},
    notify: async (_name: string, { body }: { body(): Promise<Buffer> }) => {
      await body()
      done.push("notify")
      return 0
    },
    isRepeated: () => false,
    listBackends: () => ["a"],
    getBackend: () => ({ isDefault: true }),
  }
  const store = new Proxy(known as unknown as Store, {
    get: (target, verb) =>
      Reflect.get(target, verb) ??
      (() => {
        done.push(String(verb))
        return {}
      }),
  })
  const port = await listenEverywhere(store, { maxBlobSize: LARGEST, idleTimeout: 10_000 })
  return { port, done, store }
}

function headOf({ method, path }: Route, target: string, length: string): string {
  const bearer = path.startsWith("/internal/") ? `Authorization: Bearer ${TOKEN}\r\n` : ""
  return `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${bearer}Content-Length: ${length}\r\n\r\n`
}

/** Everything that comes until the server closes. @param isOver whether our side is closed behind it */
async function tell(port: number, bytes: string, isOver: boolean): Promise<string> {
  const socket = openSocket(port)
  let answer = ""
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1")
  })
  if (isOver) socket.end(bytes)
  else socket.write(bytes)
  await once(socket, "close")
  return answer
}

/** Bytes that any route of bytes takes at most, or what the route says. */
const mostOf = ({ most }: Route): number => most ?? 8 * 2 ** 20

const statusesOf = (answer: string): number[] =>
  [...answer.matchAll(/HTTP\/1\.1 ([2-9]\d\d)/g)].map((found) => Number(found[1]))

describe("a body", () => {
  it.each(READERS)("that is shorter than its length is no body: %s", async (_name, route) => {
    const { port, done } = await serve()
    const body = plainBody(route)!
    const answer = await tell(port, headOf(route, plainTarget(route), String(body.length + 10)) + body, true)
    // Nothing, or a refusal.
    for (const status of statusesOf(answer)) expect(status).toBe(400)
    expect(done).toEqual([])
  })

  it.each(READERS)("of an absurd length is refused before any of it came: %s", async (_name, route) => {
    const { port, done } = await serve()
    for (const length of ["9007199254740993", "999999999999999", String(mostOf(route) + 1)]) {
      const answer = await tell(port, headOf(route, plainTarget(route), length), false)
      expect(statusesOf(answer), length).toEqual([413])
    }
    expect(done).toEqual([])
  })

  it.each(READERS)("that grows over what is taken without having said so is cut there: %s", async (_name, route) => {
    const { port, done } = await serve()
    const socket = openSocket(port)
    const { promise, resolve } = Promise.withResolvers<string>()
    let answer = ""
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1")
      if (answer.includes("\r\n\r\n")) resolve(answer)
    })
    const head = headOf(route, plainTarget(route), "x").replace("Content-Length: x", "Transfer-Encoding: chunked")
    const piece = "x".repeat(65_536)
    socket.write(head)
    // Without an end: whoever collects it all never answers.
    for (let sent = 0; sent * piece.length <= mostOf(route) && answer === ""; sent += 1) {
      socket.write(`10000\r\n${piece}\r\n`)
      await new Promise(setImmediate)
    }
    expect(statusOf(await promise)).toBe(413)
    expect(done).toEqual([])
  })

  it.each(ROUTES)("whose length is no number is no request: %s", async (_name, route) => {
    const { port, done } = await serve()
    for (const length of ["9".repeat(25), "-1", "+1", "0x1", "1e3", "1,1", "1 1", "", "NaN"]) {
      const answer = await tell(port, `${headOf(route, plainTarget(route), length)}x`, false)
      expect(statusOf(answer), length).toBe(400)
    }
    expect(done).toEqual([])
  })

  it.each(READERS)(
    "that is longer than its length ends where it said; the rest is no request: %s",
    async (_name, route) => {
      const { port, done, store } = await serve()
      const body = plainBody(route)!
      const rest = "smuggled /v1/objects/smuggled\r\n\r\n"
      const answer = await tell(port, headOf(route, plainTarget(route), String(body.length)) + body + rest, false)
      const statuses = statusesOf(answer)
      expect(statuses.length).toBeLessThanOrEqual(2)
      expect(statuses.at(-1)).toBe(400)
      expect(await store.stat("smuggled")).toBeNull()
      if (done.includes("put")) expect((await store.stat("a"))?.size ?? body.length).toBe(body.length)
    },
  )
})
