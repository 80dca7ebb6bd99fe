/** `GET /v1/events` as other clients than ours see it: its format, its signs of life, its end, and readers that are slow or go away. */
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { EventFeed } from "../../src/api/event-feed.ts"
import type { ApiLimits } from "../../src/api/limits.ts"
import type { OpenedStore } from "../../src/compose.ts"
import type { StoreEvent } from "../../src/core/event.ts"
import { openTestStore } from "./open-store.ts"

async function serve(limits: Partial<ApiLimits> = {}) {
  const opened = await openTestStore({ backends: { a: { driver: "memory" } } })
  const app = buildApp({ store: opened.store, limits })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  return { ...opened, app, url: `http://127.0.0.1:${port}`, waiting: countWaits(opened) }
}

/** How many wait for the next commit now. */
function countWaits({ services: { bus } }: OpenedStore): () => number {
  let count = 0
  const onAny = bus.onAny.bind(bus)
  bus.onAny = (listener) => {
    const stop = onAny(listener)
    count += 1
    return () => {
      count -= 1
      stop()
    }
  }
  return () => count
}

/** Reads until the text so far has what is looked for; the connection ends with the test. */
async function readUntil(
  url: string,
  wanted: RegExp,
  headers: Record<string, string> = {},
): Promise<[Response, string]> {
  const control = new AbortController()
  const response = await fetch(url, { headers, signal: control.signal })
  let text = ""
  for await (const chunk of response.body!) {
    text += Buffer.from(chunk).toString()
    if (wanted.test(text)) break
  }
  control.abort()
  return [response, text]
}

describe("the stream", () => {
  it("tells its place first, then events with id, name and data", async () => {
    const { store, url } = await serve()
    await store.put(Buffer.from("x"), { key: "k" })
    await store.idle()
    const [response, text] = await readUntil(`${url}/v1/events?after=1`, /sync:complete.*\n\n/)
    expect(response.headers.get("content-type")).toBe("text/event-stream")
    expect(response.headers.get("cache-control")).toBe("no-store")
    expect(text).toMatch(
      /^id: 1\n\nid: 2\nevent: put\ndata: \{"sequence":2.*"type":"put".*\}\n\nid: 3\nevent: sync:complete\n/,
    )
  })

  it("goes on after Last-Event-ID, and gives signs of life", async () => {
    const { store, url } = await serve({ heartbeat: 10 })
    await store.put(Buffer.from("x"), { key: "k" })
    await store.idle()
    const [, text] = await readUntil(`${url}/v1/events`, /alive(.|\n)*alive/, { "last-event-id": "2" })
    expect(text).toMatch(/^id: 2\n\nid: 3\nevent: sync:complete\n.*\n\n: alive\n\n: alive\n\n/)
  })

  it("begins now where nothing is said, and leaves hints out unless they are asked for", async () => {
    const { store, url, waiting } = await serve()
    await store.put(Buffer.from("x"), { key: "before" })
    await store.idle()
    const hinted = readUntil(`${url}/v1/events?hints`, /sync:complete/)
    const plain = readUntil(`${url}/v1/events`, /sync:complete/)
    await vi.waitFor(() => expect(waiting()).toBe(2), 20_000)
    await store.put(Buffer.from("y"), { key: "after" })
    expect((await hinted)[1]).toMatch(/\n\nevent: sync:start\ndata: /)
    expect((await plain)[1]).not.toMatch(/sync:start|before/)
  })

  it("ends in order and at once when the server closes", async () => {
    const { app, url } = await serve()
    const reading = (await fetch(`${url}/v1/events?after=0`)).text()
    await app.close()
    expect(await reading).toMatch(/^id: 0\n\n/)
  })

  it("frees everything when its reader goes away", async () => {
    const { store, url, waiting } = await serve()
    await store.idle()
    await readUntil(`${url}/v1/events?hints=true`, /^id: /)
    await vi.waitFor(() => expect(waiting()).toBe(0), 20_000)
    await store.put(Buffer.from("x"), { key: "k" })
  })
})

describe("a feed that nobody reads", () => {
  const event = { type: "put", sequence: 1, time: 0, data: { key: "k".repeat(1_000) } } as StoreEvent

  it("stops to take events, and leaves hints out", async () => {
    let taken = 0
    let hint: (data: unknown, event: { sequence: null; time: number }) => void = () => {}
    const store = {
      events: async function* () {
        for (;;) {
          taken += 1
          yield event
        }
      },
      on: (name: string, listener: typeof hint) => {
        if (name === "watch") hint = listener
        return () => {}
      },
    }
    const closing = new AbortController()
    const options = { after: 0, hints: true, heartbeat: 60_000, closing: closing.signal }
    const feed = new EventFeed(store as never, options)
    onTestFinished(() => void feed.destroy())
    for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(taken).toBeLessThan(80)
    for (let index = 0; index < 1_000; index += 1) hint({ key: "k".repeat(1_000) }, { sequence: null, time: 0 })
    expect(feed.readableLength).toBeLessThan(70_000)
    // It goes on as far as it is read, and ends by its closing whatever lies in it.
    feed.read()
    await vi.waitFor(() => expect(taken).toBeGreaterThan(80), 20_000)
    closing.abort()
    await feed
      .resume()
      .toArray()
      .catch(() => {})
    expect(feed.readableEnded).toBe(true)
  })

  it("breaks where the store fails", async () => {
    const failing = {
      // biome-ignore lint/correctness/useYield: it fails before the first
      events: async function* () {
        throw new Error("the disk came off")
      },
      on: () => () => {},
    }
    const options = { after: 0, hints: false, heartbeat: 60_000, closing: new AbortController().signal }
    await expect(new EventFeed(failing as never, options).toArray()).rejects.toMatchObject({ code: "INTERNAL" })
  })
})

describe("waits", () => {
  it("are answered with 202 where they are over, with 503 where the server closes", async () => {
    const { store, services, app, url, waiting } = await serve()
    const { promise: reached, resolve } = Promise.withResolvers<void>()
    const { promise: opened, resolve: open } = Promise.withResolvers<void>()
    onTestFinished(() => open())
    const { backend } = services.backends.get("a")
    Object.assign(backend, {
      intercept: (operation: string) => {
        if (operation !== "put") return
        resolve()
        return opened
      },
    })
    await store.put(Buffer.from("x"), { key: "k" })
    await reached
    const over = await Promise.all([fetch(`${url}/v1/synced/k?wait=0`), fetch(`${url}/v1/idle?wait=0`)])
    expect(over.map(({ status }) => status)).toEqual([202, 202])
    expect(await over[0]!.json()).toMatchObject({ key: "k", locations: [{ synced: false }] })
    expect(await over[1]!.json()).toEqual({ idle: false })
    const asked = fetch(`${url}/v1/synced/k?wait=60000`)
    await vi.waitFor(() => expect(waiting()).toBe(1), 20_000)
    const closing = app.close()
    const answer = await asked
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: "CLOSED", retryable: true }])
    await closing
  })
})

it.each([
  ["GET", "/v1/synced/k?wait=60001", undefined, 400],
  ["GET", "/v1/synced/k?copies=0", undefined, 400],
  ["GET", "/v1/synced/nothing", undefined, 404],
  ["GET", "/v1/idle?wait=-1", undefined, 400],
  ["GET", "/v1/events?after=x", undefined, 400],
  ["GET", "/v1/journal?limit=1001", undefined, 400],
  ["GET", "/v1/failed?after=", undefined, 400],
  ["GET", "/v1/backends/nowhere", undefined, 400],
  ["PUT", "/v1/backends/c", "{", 400],
  ["PUT", "/v1/backends/c", "[]", 400],
  ["PUT", "/v1/backends/c", "", 400],
  ["PUT", "/v1/backends/c", `{"driver":"${"x".repeat(70_000)}"}`, 413],
  ["PUT", "/v1/backends/a", '{"driver":"memory","colour":"red"}', 400],
  ["DELETE", "/v1/backends/a?force=perhaps", undefined, 400],
  ["POST", "/v1/cache/evict", '{"what":7}', 400],
  ["POST", "/v1/cache/evict", "", 400],
  ["POST", "/v1/cache/evict", `${"[".repeat(30_000)}`, 400],
  ["POST", "/v1/cache/clear?surprise=1", undefined, 400],
  ["POST", "/v1/retry", '{"backend":"nowhere"}', 400],
  ["POST", "/v1/retry", '{"surprise":1}', 400],
  ["DELETE", "/v1/cache", undefined, 405],
  ["GET", "/v1/cache/clear", undefined, 405],
])("%s %s %s is answered with a problem, and nothing is done", async (method, path, body, status) => {
  const { store, url } = await serve()
  const before = store.status().lastSequence
  const answer = await fetch(url + path, { method, ...(body !== undefined && { body }) })
  expect([answer.status, answer.headers.get("content-type")]).toEqual([status, "application/problem+json"])
  expect(await answer.json()).toMatchObject({ status, detail: expect.stringMatching(/\.$/) })
  expect(store.status().lastSequence).toBe(before)
})
