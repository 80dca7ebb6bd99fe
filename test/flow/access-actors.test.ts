/** Who had jobs retried, copies healed, staging emptied and places looked at stands in the journal; and how many requests a token has at a time. */
import { expect, onTestFinished, test, vi } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { StoredError } from "../../src/core/error.ts"
import { memoryBackend, openTestStore } from "./open-store.ts"

const ADMIN = "the-token-of-the-administrator"

async function world(limits: object = {}) {
  const opened = await openTestStore({ backends: { a: { driver: "memory" } }, defaultBackends: ["a"] })
  const app = buildApp({ store: opened.store, adminToken: ADMIN, limits })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { token, id } = await opened.store.tokens.create({ name: "operator", scopes: ["admin"] })
  const headers = { authorization: `Bearer ${token}` }
  const post = async (path: string, body: object = {}) => {
    const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })
    expect(answer.ok, path).toBe(true)
    return { answer: (await answer.json()) as Record<string, number>, requestId: answer.headers.get("x-request-id") }
  }
  const last = (command: string) => [...opened.store.journal()].findLast((record) => record.command === command)
  return { ...opened, url, headers, id, post, last }
}

test("whoever asked for it stands in the journal with the id of the request", async () => {
  const opened = await world()
  const { store, post, last, id } = opened
  const principal = `token:${id}`
  const backend = memoryBackend(opened, "a")
  backend.intercept = (operation) => {
    if (operation === "put") throw new StoredError("PERMISSION_DENIED", "It is not allowed.")
  }
  await store.put(Buffer.from("1"), { key: "one" })
  await store.idle()
  const retried = await post("/v1/retry", { key: "one" })
  expect(retried.answer).toEqual({ retried: 1 })
  expect(last("retry")).toMatchObject({ key: "one", principal, requestId: retried.requestId })
  await store.idle()
  backend.intercept = undefined
  const healed = await post("/v1/backends/a/heal", { key: "one" })
  expect(healed.answer).toEqual({ healed: 1 })
  expect(last("retry")).toMatchObject({ key: "one", principal, requestId: healed.requestId })
  await store.synced("one")
  const evicted = await post("/v1/cache/evict", { what: "all" })
  expect(evicted.answer).toMatchObject({ evicted: 1 })
  expect(last("evict")).toMatchObject({ principal, requestId: evicted.requestId, detail: {} })
  for (const [path, detail] of [
    ["/v1/cache/clear", {}],
    ["/v1/cache/clear?force=true", { forced: true }],
  ] as const) {
    await store.put(Buffer.from(path), { key: "one", durability: "all" })
    const cleared = await post(path)
    expect(cleared.answer, path).toMatchObject({ evicted: 1 })
    expect(last("evict")).toMatchObject({ principal, requestId: cleared.requestId, detail })
  }
  const looked = await post("/v1/backends/a/look", { keys: ["one", "two"] })
  expect(last("look")).toMatchObject({ backend: "a", principal, requestId: looked.requestId, detail: { places: 2 } })
  // What the store does by itself is nobody's.
  await store.put(Buffer.from("last"), { key: "one", durability: "all" })
  await store.cache.evict("all")
  expect(last("evict")).toMatchObject({ principal: null, requestId: null })
})

test("a token has so many requests and streams at a time, and no other is held up by it", async () => {
  const { url, headers, store } = await world({ maxRequestsPerToken: 2, heartbeat: 100 })
  const other = { authorization: `Bearer ${(await store.tokens.create({ name: "other", scopes: ["read"] })).token}` }
  const ends = [new AbortController(), new AbortController()]
  const streams = await Promise.all(ends.map(({ signal }) => fetch(`${url}/v1/events`, { headers, signal })))
  expect(streams.map(({ status }) => status)).toEqual([200, 200])
  const refused = await fetch(`${url}/v1/status`, { headers })
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"])
  expect(await refused.json()).toMatchObject({ code: "TOO_MANY_REQUESTS", retryable: true })
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/events`, [
    "stored",
    headers.authorization.replace("Bearer ", "bearer."),
  ])
  const failed = new Promise((resolve) => socket.addEventListener("error", resolve, { once: true }))
  await failed
  for (const free of [other, { authorization: `Bearer ${ADMIN}` }])
    expect((await fetch(`${url}/v1/status`, { headers: free })).status).toBe(200)
  ends[0]!.abort()
  await vi.waitFor(async () => expect((await fetch(`${url}/v1/status`, { headers })).status).toBe(200), {
    timeout: 20_000,
  })
  // A socket counts for as long as it is open.
  const open = new WebSocket(`${url.replace("http", "ws")}/v1/events`, [
    "stored",
    headers.authorization.replace("Bearer ", "bearer."),
  ])
  await new Promise((resolve) => open.addEventListener("open", resolve, { once: true }))
  expect((await fetch(`${url}/v1/status`, { headers })).status).toBe(429)
  open.close()
  await vi.waitFor(async () => expect((await fetch(`${url}/v1/status`, { headers })).status).toBe(200), {
    timeout: 20_000,
  })
  ends[1]!.abort()
})
