/** Scans over real HTTP: what reaches the store, what is answered, and who may. */
import { describe, expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { ConflictError, type StoredError } from "../../src/core/error.ts"
import type { ScanStatus, Store } from "../../src/store/store.ts"
import { problem } from "./api-requests.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const STATUS = { backend: "a", number: 1, state: "running" } as ScanStatus

/** A store that keeps what it is asked for. */
function asked(fault?: StoredError): { store: Store; calls: unknown[][] } {
  const calls: unknown[][] = []
  const keep =
    <Answer>(verb: string, answer: Answer) =>
    async (...words: unknown[]): Promise<Answer> => {
      calls.push([verb, ...words])
      if (fault) throw fault
      return answer
    }
  const verbs = {
    scan: keep("scan", STATUS),
    // A store in this process answers at once.
    scanStatus: (...words: unknown[]): ScanStatus => {
      void keep("scanStatus", STATUS)(...words)
      return STATUS
    },
    pauseScan: keep("pauseScan", STATUS),
    cancelScan: keep("cancelScan", STATUS),
    heal: keep("heal", 3),
  }
  return { store: { ...mapStore(), ...verbs }, calls }
}

/** Each request has one. */
const requestId = expect.any(String) as string

describe("scans", () => {
  it("begin, with nothing or with what is asked for: 202 with the status", async () => {
    const { store, calls } = asked()
    const { url } = await listen(store)
    for (const body of [undefined, "{}", '{"hash":false,"force":true}']) {
      const answer = await fetch(`${url}/v1/backends/a/scan`, { method: "POST", ...(body && { body }) })
      expect(answer.status).toBe(202)
      expect(await answer.json()).toEqual(STATUS)
    }
    expect(calls).toEqual([
      ["scan", "a", { requestId }],
      ["scan", "a", { requestId }],
      ["scan", "a", { hash: false, force: true, requestId }],
    ])
  })

  it("are shown, paused and cancelled by path and method", async () => {
    const { store, calls } = asked()
    const { url } = await listen(store)
    const requestId = expect.any(String) as string
    for (const [method, path, call] of [
      ["GET", "scan?", ["scanStatus", "a b"]],
      ["POST", "scan/pause", ["pauseScan", "a b", { requestId }]],
      ["DELETE", "scan", ["cancelScan", "a b", { requestId }]],
    ] as const) {
      const answer = await fetch(`${url}/v1/backends/a%20b/${path}`, { method })
      expect([answer.status, await answer.json()]).toEqual([200, STATUS])
      expect(calls.pop()).toEqual(call)
    }
    expect(calls).toEqual([])
  })

  it("copies are brought back, all or of a key", async () => {
    const { store, calls } = asked()
    const { url } = await listen(store)
    for (const body of [undefined, '{"key":"k"}']) {
      const answer = await fetch(`${url}/v1/backends/a/heal`, { method: "POST", ...(body && { body }) })
      expect([answer.status, await answer.json()]).toEqual([200, { healed: 3 }])
    }
    expect(calls).toEqual([
      ["heal", "a", { requestId }],
      ["heal", "a", { key: "k", requestId }],
    ])
  })

  it.each([
    ["scan", '{"hash":"yes"}'],
    ["scan", '{"prefix":""}'],
    ["scan", "[]"],
    ["heal", '{"key":5}'],
    ["heal", '{"limit":5}'],
  ])("%s with %s is refused before the store is asked", async (path, body) => {
    const { store, calls } = asked()
    const { url } = await listen(store)
    const answer = await fetch(`${url}/v1/backends/a/${path}`, { method: "POST", body })
    expect(await problem(answer)).toEqual([400, "INVALID_INPUT"])
    expect(calls).toEqual([])
  })

  it("what the store refuses is a problem with its status", async () => {
    const { url } = await listen(asked(new ConflictError("There is nothing to pause.")).store)
    expect(await problem(await fetch(`${url}/v1/backends/a/scan/pause`, { method: "POST" }))).toEqual([409, "CONFLICT"])
    expect(await problem(await fetch(`${url}/v1/backends/a/scan`, { method: "DELETE" }))).toEqual([409, "CONFLICT"])
  })

  it.each([
    ["PATCH", "scan", "GET, HEAD, POST, DELETE"],
    ["PATCH", "scan/pause", "POST"],
    ["PATCH", "heal", "POST"],
    ["POST", "drift", "GET, HEAD"],
  ])("%s …/%s is a wrong method, and the right ones are named", async (method, path, allowed) => {
    const { url } = await listen(asked().store)
    const answer = await fetch(`${url}/v1/backends/a/${path}`, { method })
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allowed])
  })

  it("are the administrator's where a token for one is set", async () => {
    const { store, calls } = asked()
    const app = buildApp({ store, adminToken: "a-token-of-the-administrator" })
    await app.listen({ host: "127.0.0.1", port: 0 })
    onTestFinished(() => app.close())
    const { port } = app.server.address() as { port: number }
    for (const [method, path] of [
      ["POST", "scan"],
      ["GET", "scan"],
      ["POST", "scan/pause"],
      ["DELETE", "scan"],
      ["GET", "drift"],
      ["POST", "heal"],
    ] as const) {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/backends/a/${path}`, { method })
      expect([path, answer.status]).toEqual([path, 401])
    }
    expect(calls).toEqual([])
  })
})
