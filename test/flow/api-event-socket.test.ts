/** `/v1/events` over a WebSocket: what comes, who may, and how it ends. The client is Node's own, which is that of browsers. */
import { describe, expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import type { ApiLimits } from "../../src/api/limits.ts"
import { exchange, openSocket, statusOf } from "../unit/api-server.ts"
import { openTestStore } from "./open-store.ts"

const ADMIN = "an-administrators-token-of-some-length"

async function serve({ adminToken, ...limits }: Partial<ApiLimits> & { adminToken?: string } = {}) {
  const opened = await openTestStore({ backends: { a: { driver: "memory" } } })
  const app = buildApp({ store: opened.store, limits, ...(adminToken && { adminToken }) })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  return { ...opened, app, port, url: `ws://127.0.0.1:${port}/v1/events` }
}

interface Message {
  type: string
  sequence: number | null
  data?: { key?: string }
}

/** A socket with what it was sent, and how it ended. */
function join(url: string, protocols: string[] = []) {
  const socket = new WebSocket(url, protocols)
  onTestFinished(() => socket.close())
  const messages: Message[] = []
  const arrivals: (() => void)[] = []
  socket.onmessage = ({ data }) => {
    messages.push(JSON.parse(String(data)) as Message)
    for (const arrive of arrivals.splice(0)) arrive()
  }
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve({ code, reason })
  })
  const until = async (type: string): Promise<Message> => {
    for (;;) {
      const found = messages.find((message) => message.type === type)
      if (found) return found
      await new Promise<void>((resolve) => arrivals.push(resolve))
    }
  }
  return { socket, messages, closed, until }
}

describe("events over a WebSocket", () => {
  it("begin with their place, go on with what is past, and then with what happens, each once and in order", async () => {
    const { store, url } = await serve()
    await store.put(Buffer.from("x"), { key: "past" })
    await store.idle()
    const { messages, until } = join(`${url}?after=0`)
    await until("sync:complete")
    await store.delete("past")
    await until("delete")
    expect(messages[0]).toEqual({ type: "hello", sequence: 0 })
    const events = messages.slice(1)
    const sequences = events.map(({ sequence }) => sequence!)
    expect(sequences).toEqual([...sequences].sort((one, other) => one - other))
    expect(new Set(sequences).size).toBe(sequences.length)
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(["put", "sync:complete", "delete"]))
  })

  it("begin now where no place is named, and tell hints where these are asked for", async () => {
    const { store, url } = await serve()
    await store.put(Buffer.from("x"), { key: "past" })
    const { until, messages } = join(`${url}?hints=true`)
    await until("hello")
    await store.put(Buffer.from("y"), { key: "now" })
    expect(await until("sync:start")).toMatchObject({ sequence: null, data: { key: "now" } })
    expect(messages.filter(({ type }) => type === "put")).toMatchObject([{ data: { key: "now" } }])
  })

  it("are for whoever bears a token, as a header or among the protocols; others are told before anything is upgraded", async () => {
    const { url, port } = await serve({ adminToken: ADMIN })
    const browser = join(url, ["stored", `bearer.${ADMIN}`])
    await browser.until("hello")
    expect(browser.socket.protocol).toBe("stored")
    for (const protocols of [[], ["stored"], ["stored", "bearer.wrong"]]) {
      const refused = join(url, protocols)
      expect([(await refused.closed).code, refused.messages]).toEqual([1006, []])
    }
    const answer = await exchange(port, upgrade("/v1/events"))
    expect([statusOf(answer), answer.includes("application/problem+json")]).toEqual([401, true])
  })

  it("are of what a token reaches only", async () => {
    const { store, url } = await serve({ adminToken: ADMIN })
    const { token } = await store.tokens.create({ name: "reader", scopes: ["read"], prefixes: ["open/"] })
    const { until, messages } = join(url, ["stored", `bearer.${token}`])
    await until("hello")
    await store.put(Buffer.from("x"), { key: "secret/a" })
    await store.put(Buffer.from("x"), { key: "open/a" })
    expect(await until("put")).toMatchObject({ data: { key: "open/a" } })
    expect(JSON.stringify(messages)).not.toContain("secret/")
  })

  it("end with the token: nothing that happens after it was revoked is told", async () => {
    const { store, url } = await serve({ adminToken: ADMIN })
    const { token, id } = await store.tokens.create({ name: "reader", scopes: ["read"] })
    const { until, messages, closed } = join(url, ["stored", `bearer.${token}`])
    await until("hello")
    await store.put(Buffer.from("x"), { key: "before" })
    await until("put")
    await store.idle()
    await store.tokens.revoke(id)
    await store.put(Buffer.from("x"), { key: "after" })
    expect((await closed).code).toBe(1001)
    expect(JSON.stringify(messages)).toContain("before")
    expect(JSON.stringify(messages)).not.toContain("after")
  })

  it("say why a request cannot be understood", async () => {
    const { url } = await serve()
    const { code, reason } = await join(`${url}?after=x`).closed
    expect([code, reason]).toEqual([1008, expect.stringMatching(/^INVALID_INPUT: Invalid query: after/)])
  })

  it("end in order when the server closes", async () => {
    const { app, url } = await serve()
    const { until, closed } = join(url)
    await until("hello")
    await app.close()
    expect((await closed).code).toBe(1001)
  })

  it("cut a client that answers no ping, and one that talks", async () => {
    const { url, port } = await serve({ heartbeat: 20 })
    const silent = openSocket(port)
    const gone = new Promise((resolve) => silent.once("close", resolve))
    silent.resume()
    silent.write(upgrade("/v1/events"))
    await gone
    const talker = join(url)
    await talker.until("hello")
    talker.socket.send("x".repeat(2_000))
    expect((await talker.closed).code).toBe(1009)
  })

  it("leave other wishes for another protocol alone: curl's h2c is a put like any other", async () => {
    const { store, port } = await serve()
    const head =
      "PUT /v1/objects/k HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    expect(statusOf(await exchange(port, `${head}Content-Length: 5\r\n\r\nhello`))).toBe(201)
    expect((await store.get("k")).toString()).toBe("hello")
    expect(statusOf(await exchange(port, upgrade("/v1/status")))).toBe(200)
  })
})

function upgrade(path: string): string {
  const key = Buffer.from("0123456789abcdef").toString("base64")
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`
}
