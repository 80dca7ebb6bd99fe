/** The paths for workers: who may use them, and when they are there. */
import { Readable } from "node:stream"
import { pino } from "pino"
import { describe, expect, it, onTestFinished } from "vitest"
import { EXCHANGE_VERSION } from "../../queues/exchange.ts"
import { buildApp } from "../../src/api/app.ts"
import { type StartOptions, startServer } from "../../src/api/start-server.ts"
import { BEARER, serve } from "./api-internal-harness.ts"
import { problem } from "./api-requests.ts"
import { openSocket, readAnswer, statusOf } from "./api-server.ts"
import { mapStore } from "./map-store.ts"
import { ID, TestDesk, TOKEN } from "./worker-desk.ts"

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
    socket.write("POST /internal/exchange HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
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
