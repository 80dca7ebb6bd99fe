/** The exchange as it travels, good and hostile. */
import { once } from "node:events"
import { Agent, type IncomingMessage, request } from "node:http"
import { describe, expect, it, vi } from "vitest"
import { EXCHANGE_VERSION, MOST_IN_A_MESSAGE } from "../../queues/exchange.ts"
import { StoredError } from "../../src/core/error.ts"
import { BEARER, EMPTY, post, serve } from "./api-internal-harness.ts"
import { problem } from "./api-requests.ts"
import { openSocket, readAnswer, statusOf } from "./api-server.ts"
import { orderFor, pointerTo, TOKEN } from "./worker-desk.ts"

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

  it("tells the desk when the connection by which it came is gone, one for all its messages", async () => {
    const { url, desk } = await serve()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const send = async (): Promise<void> => {
      const call = request(`${url}/internal/exchange`, { method: "POST", headers: BEARER, agent }).end(
        JSON.stringify(EMPTY),
      )
      const [response] = (await once(call, "response")) as [IncomingMessage]
      await once(response.resume(), "end")
    }
    await send()
    await send()
    const [first, second] = desk.links
    expect([first === second, first?.aborted]).toEqual([true, false])
    const gone = once(first!, "abort")
    agent.destroy()
    await gone
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
      `POST /internal/exchange HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Length: 9\r\n\r\n{`,
    )
    expect(statusOf(await readAnswer(socket))).toBe(504)
    // Nothing waits for the rest of the body any more.
    await vi.waitFor(() => expect(lines.join("")).toContain("a late exchange failed"), 20_000)
  })

  it("answers what the desk throws", async () => {
    const { url, desk } = await serve()
    desk.before = () => {
      throw new StoredError("CLOSED", "The store is closing.", { retryable: true })
    }
    expect(await problem(await post(url, JSON.stringify(EMPTY)))).toEqual([503, "CLOSED"])
  })
})
