/** The order that the client keeps between its streams and its calls, and what ends its waits. */
import type { ServerResponse } from "node:http"
import { expect, it, onTestFinished, vi } from "vitest"
import { connect } from "../../src/client.ts"
import type { StoredError } from "../../src/core/error.ts"
import { answering } from "./answering-server.ts"
import { passing } from "./api-watched-store.ts"

const STREAM = { "content-type": "text/event-stream" }
const EVENT = 'id: 8\nevent: put\ndata: {"type":"put","sequence":8,"time":1,"data":{"key":"k"}}\n\n'

function client(url: string, options: Parameters<typeof connect>[1] = {}) {
  const remote = connect(url, options)
  onTestFinished(() => remote.close({ deadline: 0 }))
  return remote
}

it("a call after `on` is sent only once the stream has its place", async () => {
  const order: string[] = []
  const url = await answering(async ({ url }, response) => {
    if (url?.startsWith("/v1/events")) {
      // Time that has to pass: a call that does not wait would be here meanwhile.
      await passing(100)
      order.push("placed")
      response.writeHead(200, STREAM).write("id: 7\n\n")
    } else {
      order.push("put")
      response.end("{}")
    }
  })
  const remote = client(url)
  remote.on("put", () => {})
  await remote.put(Buffer.from("x"), { key: "k" })
  expect(order).toEqual(["placed", "put"])
})

it("a call after `events` is sent only once the place is known", async () => {
  const order: string[] = []
  const url = await answering(async ({ url }, response) => {
    if (url === "/v1/status") await passing(100)
    order.push(String(url))
    response.end('{"lastSequence":7}')
  })
  const remote = client(url)
  const events = remote.events()
  await remote.put(Buffer.from("x"), { key: "k" })
  expect(order).toEqual(["/v1/status", "/v1/objects/k"])
  expect(events).toHaveProperty("next")
})

it("a call after `on` does not wait for ever: where the stream cannot be had it goes on, and the failure is told", async () => {
  const failures: StoredError[] = []
  let streams = 0
  const url = await answering(({ url }, response) => {
    if (!url?.startsWith("/v1/events")) return response.end("{}")
    streams += 1
    response.writeHead(503).end()
  })
  const remote = client(url, { onError: (error) => failures.push(error) })
  remote.on("put", () => {})
  await remote.put(Buffer.from("x"), { key: "k" })
  expect(failures[0]).toMatchObject({ retryable: true })
  // Each next call has the stream tried again at once, and not when its pause is over, which would be minutes for all of them.
  for (let index = 0; index < 16; index += 1) {
    const before = streams
    await remote.put(Buffer.from("x"), { key: "k" })
    expect(streams).toBeGreaterThan(before)
  }
})

it("a stream that is refused for good is told once, and the next `on` tries again", async () => {
  const failures: StoredError[] = []
  const streams: ServerResponse[] = []
  const url = await answering(({ url }, response) => {
    if (!url?.startsWith("/v1/events")) return response.end("{}")
    streams.push(response)
    if (streams.length === 1) response.writeHead(401).end()
    else response.writeHead(200, STREAM).write(EVENT)
  })
  const remote = client(url, { onError: (error) => failures.push(error) })
  remote.on("delete", () => {})
  await remote.status()
  await vi.waitFor(() => expect(failures).toMatchObject([{ code: "PERMISSION_DENIED", retryable: false }]), 20_000)
  const heard = await new Promise((resolve) => remote.on("put", resolve))
  expect(heard).toEqual({ key: "k" })
  expect(streams).toHaveLength(2)
})

// The client itself gives up on a silent stream after 45 s.
it("the stream ends when the last listener goes, and not before", { timeout: 10_000 }, async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  const { promise: ended, resolve: end } = Promise.withResolvers<string>()
  const url = await answering((_, response) => {
    response.once("close", () => end("ended"))
    response.writeHead(200, STREAM).write("id: 7\n\n", () => ask())
  })
  const remote = client(url)
  const stops = [remote.on("put", () => {}), remote.on("delete", () => {})]
  await asked
  stops[0]?.()
  stops[0]?.()
  expect(await Promise.race([ended, passing(50)])).toBeUndefined()
  stops[1]?.()
  expect(await ended).toBe("ended")
})

it("waits end at once when the client closes, whatever its deadline", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  let requests = 0
  const url = await answering(() => {
    requests += 1
    if (requests === 2) resolve()
  })
  const remote = client(url)
  const ends = Promise.allSettled([remote.synced("k"), remote.idle()])
  await asked
  await remote.close({ deadline: 2 ** 31 - 1 })
  for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: { code: "CLOSED" } })
})

it("synced asks again as long as the answer is 202", async () => {
  const queries: string[] = []
  const url = await answering(({ url }, response) => {
    queries.push(String(url))
    response.writeHead(queries.length < 3 ? 202 : 200).end('{"key":"k"}')
  })
  expect(await client(url).synced("k", { copies: 2, backends: ["a", "b"] })).toEqual({ key: "k" })
  expect(queries).toEqual(Array(3).fill("/v1/synced/k?backends=a%2Cb&copies=2&wait=20000"))
})
