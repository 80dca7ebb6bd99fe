/** `/metrics` of the server and of a worker: who may read them, and what is served. */
import { pino } from "pino"
import { describe, expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { parseEnvironment } from "../../src/api/environment.ts"
import { METRICS_TYPE } from "../../src/metrics/job-metrics.ts"
import { parseWorkerEnvironment } from "../../workers/environment.ts"
import { startMetricsServer } from "../../workers/metrics-server.ts"
import { problem } from "./api-requests.ts"
import { mapStore } from "./map-store.ts"

const METRICS = "metrics-token-0123456789"
const ADMIN = "admin-token-0123456789"
const NONE = { metrics: null, admin: null }

async function serve(host: string, tokens: { metrics: string | null; admin: string | null } | null) {
  const metrics = tokens && { tokens, source: () => ({ text: async () => "a 1\n", watchProcess: () => {} }) }
  const app = buildApp({
    store: mapStore(),
    ...(metrics && { metrics }),
    ...(tokens?.admin && { adminToken: tokens.admin }),
  })
  await app.listen({ host, port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  const near = host === "::1" ? "[::1]" : "127.0.0.1"
  return (token?: string, method = "GET") =>
    fetch(`http://${near}:${port}/metrics`, {
      method,
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    })
}

describe("the server's metrics", () => {
  it.each(["127.0.0.1", "127.0.0.2", "::1"])("are there for everybody who reaches %s", async (host) => {
    if (host === "127.0.0.2") return expect((await fetchAt(host)).status).toBe(200)
    const ask = await serve(host, NONE)
    const answer = await ask()
    expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
      200,
      METRICS_TYPE,
      "a 1\n",
    ])
  })

  async function fetchAt(host: string): Promise<Response> {
    const source = () => ({ text: async () => "a 1\n", watchProcess: () => {} })
    const app = buildApp({ store: mapStore(), metrics: { tokens: NONE, source } })
    const url = await app.listen({ host, port: 0 })
    onTestFinished(() => app.close())
    return fetch(`${url}/metrics`, { headers: { connection: "close" } })
  }

  it.each<[string, string, { metrics: string | null; admin: string | null }, string | undefined, number]>([
    ["where no token is set", "0.0.0.0", NONE, undefined, 401],
    ["with a token where none is set", "0.0.0.0", NONE, METRICS, 401],
    ["without the token", "0.0.0.0", { metrics: METRICS, admin: null }, undefined, 401],
    ["with a wrong one", "0.0.0.0", { metrics: METRICS, admin: ADMIN }, `${METRICS}x`, 401],
    ["with the token", "0.0.0.0", { metrics: METRICS, admin: null }, METRICS, 200],
    ["with the administrator's", "0.0.0.0", { metrics: METRICS, admin: ADMIN }, ADMIN, 200],
    ["with the administrator's alone", "0.0.0.0", { metrics: null, admin: ADMIN }, ADMIN, 200],
    ["on a loopback address for which a token was set", "127.0.0.1", { metrics: METRICS, admin: null }, undefined, 401],
    ["on a loopback address beside an administrator", "127.0.0.1", { metrics: null, admin: ADMIN }, undefined, 401],
    ["on a loopback address with the administrator's", "127.0.0.1", { metrics: null, admin: ADMIN }, ADMIN, 200],
    ["on a loopback address with both", "127.0.0.1", { metrics: METRICS, admin: ADMIN }, METRICS, 200],
  ])("%s", async (_, host, tokens, token, status) => {
    const answer = await (await serve(host, tokens))(token)
    expect(answer.status).toBe(status)
    if (status === 200) return
    expect(answer.headers.get("www-authenticate")).toBe("Bearer")
    const text = await answer.clone().text()
    expect(text).not.toContain("token-0123456789")
    expect(await problem(answer)).toEqual([401, undefined])
  })

  it("take GET only, and are not there where nothing is counted", async () => {
    const answer = await (await serve("127.0.0.1", NONE))(undefined, "POST")
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"])
    expect((await (await serve("127.0.0.1", null))()).status).toBe(404)
  })

  it("take their tokens from the environment, which must be long enough", () => {
    const env = parseEnvironment({ STORED_METRICS_TOKEN: METRICS, STORED_ADMIN_TOKEN: ADMIN })
    expect(env.metricsTokens).toEqual({ metrics: METRICS, admin: ADMIN })
    expect(parseEnvironment({}).metricsTokens).toEqual(NONE)
    expect(() => parseEnvironment({ STORED_METRICS_TOKEN: "short", STORED_ADMIN_TOKEN: "short" })).toThrow(
      expect.objectContaining({
        code: "INVALID_CONFIG",
        message: expect.stringMatching(/STORED_METRICS_TOKEN[\s\S]*STORED_ADMIN_TOKEN/),
      }),
    )
  })
})

describe("a worker's metrics", () => {
  const log = pino({ level: "silent" })

  async function start(token: string | null, text = async () => "b 2\n") {
    const door = await startMetricsServer({ host: "127.0.0.1", port: 0, token, text, type: METRICS_TYPE, log })
    onTestFinished(() => door.close())
    return door
  }

  it("are served, and nothing else", async () => {
    const { url } = await start(null)
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
      200,
      METRICS_TYPE,
      "b 2\n",
    ])
    expect((await fetch(`${url}/more`)).status).toBe(404)
    expect((await fetch(url, { method: "POST" })).status).toBe(405)
  })

  it("ask for their token where one is set", async () => {
    const { url } = await start(METRICS)
    expect((await fetch(url)).status).toBe(401)
    expect((await fetch(url, { headers: { authorization: `Bearer ${ADMIN}` } })).status).toBe(401)
    expect((await fetch(url, { headers: { authorization: `Bearer ${METRICS}` } })).status).toBe(200)
  })

  it("say which port is taken", async () => {
    const port = Number(new URL((await start(null)).url).port)
    const other = startMetricsServer({ host: "127.0.0.1", port, token: null, text: async () => "", type: "", log })
    await expect(other).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("another process has it"),
    })
  })

  it("are there where the environment names a port, for this host unless it names another", () => {
    const env = { REDIS_URL: "redis://127.0.0.1:1", STORED_WORKER_TOKEN: ADMIN }
    expect(parseWorkerEnvironment(env).metrics).toBeNull()
    expect(parseWorkerEnvironment({ ...env, STORED_METRICS_PORT: "9464" }).metrics).toEqual({
      host: "127.0.0.1",
      port: 9464,
      token: null,
    })
    const wide = { STORED_METRICS_PORT: "0", STORED_METRICS_HOST: "0.0.0.0", STORED_METRICS_TOKEN: METRICS }
    expect(parseWorkerEnvironment({ ...env, ...wide }).metrics).toEqual({ host: "0.0.0.0", port: 0, token: METRICS })
    expect(() => parseWorkerEnvironment({ ...env, STORED_METRICS_PORT: "70000" })).toThrow(
      expect.objectContaining({ message: expect.stringContaining("STORED_METRICS_PORT") }),
    )
  })
})
