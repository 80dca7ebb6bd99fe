/** Requests that are not what they seem: two requests in one, names that climb, types and headers that lie, and what a client cannot set. */
import { describe, expect, it } from "vitest"
import { pathParts, type Route } from "../../src/api/route.ts"
import { ROUTES } from "../../src/api/routes/routes.ts"
import { bodyOf, exchange, listen, openSocket, statusOf } from "./api-server.ts"
import { mapStore } from "./map-store.ts"
import { plainBody, plainTarget } from "./security-places.ts"

const CLIMBING = [
  "..",
  "../x",
  "a/../x",
  "%2e%2e/x",
  "%2e%2e%2fx",
  "..%2fx",
  "a%2f..%2fx",
  "%2fetc%2fpasswd",
  "/etc/passwd",
  "a%00b",
  "a%0d%0aX-Evil:1",
  "a%c0%ae",
  "%ff",
  "%",
  "%2",
  ".",
  "a/./b",
  "a//b",
  "a/",
]

/** The head of an answer: one to HEAD has no more. */
async function headOf(port: number, text: string): Promise<string> {
  const socket = openSocket(port)
  socket.write(text)
  let head = ""
  for await (const chunk of socket) {
    head += String(chunk)
    if (head.includes("\r\n\r\n")) break
  }
  return head
}

/** All that comes until the server closes. */
function all(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = openSocket(port)
    let answer = ""
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1")
    })
    socket.on("close", () => resolve(answer))
    socket.write(text)
  })
}

describe("names that climb", () => {
  const keyed = ROUTES.filter(({ policy, path }) => "on" in policy && policy.on === "key" && pathParts(path))

  it("finds the routes that take keys", () => {
    expect(keyed.map(({ operation }) => operation)).toEqual(expect.arrayContaining(["putObject", "deleteObject"]))
  })

  it.each(keyed.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s takes none",
    async (_name, route) => {
      const store = mapStore()
      const { port } = await listen(store)
      const { before, after } = pathParts(route.path)!
      for (const name of CLIMBING) {
        const answer = await headOf(
          port,
          `${route.method} ${before}${name}${after} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
        )
        expect(statusOf(answer), name).toBe(400)
      }
      expect(await Array.fromAsync(store.list())).toEqual([])
    },
  )
})

describe("two requests in one", () => {
  const inner = "PUT /v1/objects/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"

  it.each([
    ["CL.TE", `Content-Length: ${inner.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`],
    [
      "TE.CL",
      `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
    ],
    ["TE.TE", `Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${inner}`],
    ["an odd coding", `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${inner}`],
    ["a blank before the colon", `Content-Length : ${inner.length}\r\n\r\n${inner}`],
    [
      "a folded header",
      `X: y\r\n Content-Length: ${inner.length}\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n${inner}`,
    ],
    ["two lengths", `Content-Length: 0\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`],
    ["a length with a sign", `Content-Length: +0\r\n\r\n${inner}`],
    ["a bare line feed after a chunk's size", `Transfer-Encoding: chunked\r\n\r\n0\n\r\n${inner}`],
  ])("%s is no request at all", async (_name, rest) => {
    const store = mapStore()
    const { port } = await listen(store)
    const answer = await all(port, `POST /v1/objects HTTP/1.1\r\nHost: localhost\r\n${rest}`)
    expect(statusOf(answer)).toBe(400)
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(await store.stat("smuggled")).toBeNull()
  })

  it("TE.0: the body of a request that takes none is not the next request", async () => {
    const store = mapStore()
    const { port } = await listen(store)
    const body = `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`
    const next = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    const answer = await all(
      port,
      `GET /v1/objects/none HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${body}${next}`,
    )
    expect([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(["404", "200"])
    expect(await store.stat("smuggled")).toBeNull()
  })
})

describe("what a route does not know", () => {
  const named = ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const)

  /** Probes add what they like to these, and an address that was signed is worthless with anything else in it (`signed-urls`). */
  const isLax = (_name: string, { path }: Route): boolean => /^\/(?:health|ready|v1\/signed\/.*)$/.test(path)

  it.each(named.filter((each) => !isLax(...each)))("is refused in its query: %s", async (_name, route) => {
    const { url } = await listen(mapStore())
    const target = plainTarget(route)
    const answer = await fetch(`${url}${target}${target.includes("?") ? "&" : "?"}locations=x`, {
      method: route.method,
    })
    expect(answer.status).toBe(400)
  })

  it.each(named.filter(([, { body, operation }]) => body && operation !== "putBackend"))(
    "is refused in its body: %s",
    async (_name, route) => {
      const { url } = await listen(mapStore())
      const body = JSON.stringify({ ...(JSON.parse(plainBody(route)!) as object), locations: [] })
      expect((await fetch(url + plainTarget(route), { method: route.method, body })).status).toBe(400)
    },
  )
})

describe("headers that lie", () => {
  it.each([
    "application/json\t;x",
    " text/html",
    "a/b/c",
    "multipart/form-data; boundary=",
    'APPLICATION/JSON ;charset="x',
  ])("a body is bytes, whatever its type says: %j", async (type) => {
    const store = mapStore()
    const { url } = await listen(store)
    const answer = await fetch(`${url}/v1/objects/a`, {
      method: "PUT",
      body: '{"__proto__":1}',
      headers: { "content-type": type },
    })
    expect([201, 400, 415]).toContain(answer.status)
    expect((await store.stat("a"))?.size ?? 15).toBe(15)
    expect(answer.status < 300).toBe((await store.stat("a")) !== null)
  })

  it("what a proxy would say of another host reaches no answer", async () => {
    const { url } = await listen(mapStore())
    const headers = {
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "gopher",
      forwarded: "host=evil.example",
      "x-forwarded-for": "1.2.3.4",
    }
    for (const path of ["/v1/objects/a", "/health", "/nothing"]) {
      const answer = await fetch(url + path, {
        method: path === "/v1/objects/a" ? "PUT" : "GET",
        headers,
        ...(path === "/v1/objects/a" && { body: "x" }),
      })
      expect(JSON.stringify([...answer.headers]) + (await answer.text())).not.toMatch(/evil|gopher|1\.2\.3\.4/)
    }
  })

  it("fields of ours among custom metadata stay custom", async () => {
    const store = mapStore()
    const { port } = await listen(store)
    const custom = '{"size":"1","id":"sha256:00","locations":"x","encryption":"none","constructor":"c"}'
    const answer = await exchange(
      port,
      `PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nX-Stored-Metadata: ${custom}\r\nX-Stored-Encryption: none\r\nContent-Length: 5\r\n\r\nhello`,
    )
    if (statusOf(answer) === 201)
      expect(await store.stat("a")).toMatchObject({ size: 5, id: expect.stringMatching(/^sha256:2cf24d/) })
    else expect(bodyOf(answer).code).toBe("INVALID_METADATA")
  })

  it("nothing of every object changes", async () => {
    const { url, port } = await listen(mapStore())
    for (const hostile of ['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}']) {
      await exchange(
        port,
        `PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nX-Stored-Metadata: ${hostile}\r\nContent-Length: 1\r\n\r\nx`,
      )
      for (const path of ["/v1/objects/copy", "/v1/backends/a/scan", "/v1/signed-urls", "/v1/archive"])
        await (await fetch(url + path, { method: "POST", body: hostile })).text()
      await (await fetch(`${url}/v1/objects?__proto__[polluted]=1&constructor.prototype.polluted=1`)).text()
      expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false)
    }
  })
})
