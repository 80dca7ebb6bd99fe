/** The board of queues, in a browser's way and a program's: who may see it, what it shows of a real Redis, and that nothing can be changed by it. */
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type RedisServer, startRedis } from "../redis-server.ts"
import { TOKEN } from "../unit/worker-desk.ts"
import { temporaryDirectory } from "./open-store.ts"
import { startProcess } from "./server-process.ts"

const ADMIN = "admin-token-0123456789"
const BEARER = { authorization: `Bearer ${ADMIN}` }

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

async function serve(env: Record<string, string> = { STORED_ADMIN_TOKEN: ADMIN, REDIS_URL: redis.url }) {
  const prefix = `board${process.pid}-${Math.random().toString(36).slice(2)}`
  const data = join(await temporaryDirectory(), "data")
  return startProcess({ STORED_DATA: data, STORED_WORKER_TOKEN: TOKEN, STORED_QUEUE_PREFIX: prefix, ...env })
}

const bare = { redirect: "manual" } as const

describe("the board of queues", () => {
  it("is not there without an administrator's token, nor without Redis", async () => {
    const lacking: Record<string, string>[] = [{ REDIS_URL: redis.url }, { STORED_ADMIN_TOKEN: ADMIN }]
    for (const env of lacking) {
      const { url } = await serve(env)
      expect((await fetch(`${url}/queues`, { headers: BEARER })).status).toBe(404)
    }
  })

  it("is for whoever bears the token, page, files and facts alike", async () => {
    const { url } = await serve()
    for (const path of ["/queues", "/queues/", "/queues/api/queues", "/queues/static/images/logo.svg"]) {
      for (const headers of [{}, { authorization: `Bearer ${TOKEN}` }, { cookie: "stored_admin=9999999999999.x" }])
        expect((await fetch(url + path, { headers, ...bare })).status, path).toBe(401)
      expect((await fetch(url + path, { headers: BEARER })).status, path).toBe(200)
    }
    expect(await (await fetch(`${url}/queues`, { headers: BEARER })).text()).toMatch(/<base href="\/queues\/"/)
  })

  it("lets a browser in by ?token=, with a cookie that is not the token", async () => {
    const { url, said } = await serve()
    expect((await fetch(`${url}/queues?token=${ADMIN}x`, bare)).status).toBe(401)
    const login = await fetch(`${url}/queues?token=${ADMIN}`, bare)
    expect([login.status, login.headers.get("location")]).toEqual([303, "/queues"])
    const cookie = login.headers.get("set-cookie") ?? ""
    expect(cookie).toMatch(/^stored_admin=\S+; Path=\/queues; Max-Age=28800; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(ADMIN)
    const session = cookie.split(";")[0] ?? ""
    expect((await fetch(`${url}/queues`, { headers: { cookie: `a=b; ${session}` } })).status).toBe(200)
    const later = session.replace(/=\d/, "=9")
    expect((await fetch(`${url}/queues`, { headers: { cookie: later } })).status).toBe(401)
    const proxied = await fetch(`${url}/queues?token=${ADMIN}`, { ...bare, headers: { "x-forwarded-proto": "https" } })
    expect(proxied.headers.get("set-cookie")).toMatch(/; Secure$/)
    expect(said()).not.toContain(ADMIN)
  })

  it("shows the queues with what waits in them, and changes nothing", async () => {
    const { url } = await serve()
    expect((await fetch(`${url}/v1/objects/k`, { method: "PUT", body: "x", headers: BEARER })).status).toBe(201)
    const look = async () => {
      const answer = await fetch(`${url}/queues/api/queues?activeQueue=sync-local&status=waiting`, { headers: BEARER })
      return (await answer.json()) as { queues: { name: string; readOnlyMode: boolean; counts: { waiting: number } }[] }
    }
    let found = await look()
    // It is sent a moment after the put.
    while (found.queues.find(({ name }) => name === "sync-local")?.counts.waiting !== 1) found = await look()
    expect(found.queues.map(({ name }) => name).sort()).toEqual(["checksum", "ingest", "sync-local"])
    expect(found.queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true)
    for (const path of ["pause", "empty", "obliterate", "retry/failed", "clean/waiting"]) {
      const answer = await fetch(`${url}/queues/api/queues/sync-local/${path}`, { method: "PUT", headers: BEARER })
      expect([answer.status, answer.headers.get("allow")], path).toEqual([405, "GET"])
    }
    expect((await look()).queues.find(({ name }) => name === "sync-local")?.counts.waiting).toBe(1)
  })
})
