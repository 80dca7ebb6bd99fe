/** `/ready` while something is away: a backend, Redis, the workers. Puts are taken all the while. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it, onTestFinished, vi } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import type { Store } from "../../src/store/store.ts"
import { startOwnRedis } from "../redis-server.ts"
import { mapStore } from "../unit/map-store.ts"
import { openTestPool } from "./open-pool.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

async function serve(store: Store): Promise<string> {
  const app = buildApp({ store })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  return url
}

async function ask(url: string): Promise<[status: number, body: unknown]> {
  const answer = await fetch(new URL("/ready", url))
  return [answer.status, await answer.json()]
}

it("tells a backend that cannot be opened, and is ready all the same until the store closes", async () => {
  const file = join(await temporaryDirectory(), "file")
  await writeFile(file, "")
  const backends = { a: { driver: "memory" }, b: { driver: "fs", root: join(file, "root") } }
  const { store } = await openTestStore({ backends })
  const url = await serve(store)
  expect(await ask(url)).toEqual([
    200,
    { ready: true, catalog: "ok", backends: { a: "open", b: "unavailable" }, redis: null, workers: 0 },
  ])
  expect((await fetch(`${url}/v1/objects/k`, { method: "PUT", body: "x" })).status).toBe(201)
  await store.close()
  expect(await ask(url)).toEqual([503, { ready: false }])
})

it("tells Redis that goes and comes, and workers, and is ready all the while", async () => {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.stop())
  const { opened, url, addWorker } = await openTestPool(redis.url)
  const told = (redisIs: string, workers: number) => [
    200,
    { ready: true, catalog: "ok", backends: { a: "open", b: "open" }, redis: redisIs, workers },
  ]
  await vi.waitFor(async () => expect(await ask(url)).toEqual(told("ok", 0)), { timeout: 20_000 })
  await addWorker()
  await vi.waitFor(async () => expect(await ask(url)).toEqual(told("ok", 1)), { timeout: 20_000 })
  await redis.kill()
  await vi.waitFor(async () => expect(await ask(url)).toEqual(told("away", 1)), { timeout: 20_000 })
  expect(opened.store.status()).toMatchObject({ redis: "away", workers: [{ alive: true, pid: process.pid }] })
  const put = await fetch(new URL("/v1/objects/k", url), { method: "PUT", body: "x" })
  expect(put.status).toBe(201)
  await redis.start()
  await vi.waitFor(async () => expect(await ask(url)).toEqual(told("ok", 1)), { timeout: 20_000 })
})

it("does not count a worker that is silent", async () => {
  const silent = { id: "w", host: "h", pid: 1, kinds: [], backends: [], running: 0, seen: 0, alive: false }
  const workers = [silent, { ...silent, id: "v", alive: true }]
  const url = await serve(mapStore({ status: () => ({ ...mapStore().status(), redis: "ok", workers }) }))
  expect(await ask(url)).toMatchObject([200, { redis: "ok", workers: 1 }])
})

it("tells strangers only whether it is, where others are asked for a token", async () => {
  const { store } = await openTestStore()
  const app = buildApp({ store, adminToken: "the-token-of-the-administrator" })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  const { token: part } = await store.tokens.create({ name: "part", scopes: ["read"], prefixes: ["a/"] })
  const { token: whole } = await store.tokens.create({ name: "whole", scopes: ["read"] })
  const told = async (token?: string) => {
    const answer = await fetch(
      `${url}/ready`,
      token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
    )
    return [answer.status, await answer.json()]
  }
  expect(await told()).toEqual([200, { ready: true }])
  expect(await told(part)).toEqual([200, { ready: true }])
  for (const token of [whole, "the-token-of-the-administrator"])
    expect(await told(token)).toMatchObject([200, { ready: true, backends: { a: "open" }, workers: 0 }])
  expect(await told("wrong")).toEqual([200, { ready: true }])
})
