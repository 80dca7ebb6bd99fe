/** Starting and ending the service: readiness while the store opens, the address, what is let go when it fails, orderly ends. */
import { once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pino } from "pino"
import { describe, expect, it, onTestFinished } from "vitest"
import { loadConfig } from "../../src/api/config-file.ts"
import { parseEnvironment } from "../../src/api/environment.ts"
import { type StartOptions, startServer } from "../../src/api/start-server.ts"
import { StoredError } from "../../src/core/error.ts"
import type { Store } from "../../src/store/store.ts"
import { openSocket, readAnswer, statusOf } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

function options(openStore: StartOptions["openStore"]): StartOptions {
  return { config: {}, host: "127.0.0.1", port: 0, log: pino({ level: "silent" }), openStore, onFault: () => {} }
}

function closable(store: Store): { store: Store; closes: number[] } {
  const closes: number[] = []
  return { closes, store: { ...store, close: async (how) => void closes.push(how?.deadline ?? -1) } }
}

describe("starting", () => {
  it("is alive but not ready while the store opens, and hands over its real address", async () => {
    const { store } = closable(mapStore())
    const opening = Promise.withResolvers<Store>()
    const { promise: address, resolve } = Promise.withResolvers<string>()
    const starting = startServer(
      options((_config, how) => {
        resolve(how.address)
        return opening.promise
      }),
    )
    const url = await address
    expect((await fetch(`${url}/health`)).status).toBe(200)
    for (const [path, method] of [
      ["/v1/objects/a", "GET"],
      ["/v1/objects/a", "PUT"],
      ["/v1/objects", "GET"],
    ] as const) {
      const answer = await fetch(url + path, { method, ...(method === "PUT" && { body: "x" }) })
      expect([answer.status, ((await answer.json()) as { code: string }).code], path).toEqual([503, "CLOSED"])
    }
    const told = await fetch(`${url}/ready`)
    expect(told.status).toBe(503)
    expect(await told.json()).toEqual({ ready: false })
    opening.resolve(store)
    const server = await starting
    expect(server.url).toBe(url)
    expect((await fetch(`${url}/ready`)).status).toBe(200)
    expect((await fetch(`${url}/v1/objects/a`, { method: "PUT", body: "x" })).status).toBe(201)
    await server.close(1_000)
  })

  it("lets go of its port where the store cannot be opened", async () => {
    let address = ""
    const failing = startServer(
      options(async (_config, how) => {
        address = how.address
        throw new StoredError("DATA_DIRECTORY_IN_USE", "Another server has it.")
      }),
    )
    await expect(failing).rejects.toMatchObject({ code: "DATA_DIRECTORY_IN_USE" })
    await expect(fetch(`${address}/health`)).rejects.toThrow()
  })

  it("says which port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1")
    await once(other, "listening")
    onTestFinished(() => void other.close())
    const { port } = other.address() as { port: number }
    const starting = startServer({ ...options(async () => mapStore()), port })
    await expect(starting).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringMatching(new RegExp(`:${port} .*STORED_PORT`)),
    })
  })
})

describe("ending", () => {
  it("lets a request that runs come to its end, then closes the store", async () => {
    const began = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const base = mapStore()
    const { store, closes } = closable({
      ...base,
      put: async (...words) => {
        began.resolve()
        await go.promise
        return base.put(...words)
      },
    })
    const server = await startServer(options(async () => store))
    const put = fetch(`${server.url}/v1/objects/a`, { method: "PUT", body: "x" })
    await began.promise
    const closed = server.close(60_000)
    await expect(fetch(`${server.url}/health`)).rejects.toThrow()
    expect(closes).toEqual([])
    go.resolve()
    expect((await put).status).toBe(201)
    await closed
    expect(closes).toHaveLength(1)
  })

  it("cuts what does not end in time", async () => {
    const { store, closes } = closable(mapStore())
    const server = await startServer(options(async () => store))
    const socket = openSocket(Number(new URL(server.url).port))
    socket.write("PUT /v1/objects/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhello")
    const answer = readAnswer(socket)
    await once(socket, "ready")
    await fetch(`${server.url}/health`)
    await server.close(50)
    expect(statusOf(await answer)).not.toBe(201)
    expect(closes).toHaveLength(1)
  })
})

describe("the environment", () => {
  it("takes a Redis only together with a token for workers, and never repeats its address", () => {
    const token = "0123456789abcdef"
    const url = "rediss://me:secret@redis:6379"
    expect(parseEnvironment({ REDIS_URL: url, STORED_WORKER_TOKEN: token }).redis).toEqual({ url, prefix: "stored" })
    expect(parseEnvironment({ REDIS_URL: url, STORED_WORKER_TOKEN: token, STORED_QUEUE_PREFIX: "p" }).redis).toEqual({
      url,
      prefix: "p",
    })
    expect(parseEnvironment({ REDIS_URL: "inline" }).redis).toBeNull()
    expect(() => parseEnvironment({ REDIS_URL: url })).toThrow(
      "STORED_WORKER_TOKEN: REDIS_URL gives the work to workers",
    )
    const wrong = { REDIS_URL: "http://me:secret@redis", STORED_QUEUE_PREFIX: "a:b", STORED_WORKER_TOKEN: token }
    expect(() => parseEnvironment(wrong)).toThrow("REDIS_URL: expected redis://")
    expect(() => parseEnvironment(wrong)).toThrow("STORED_QUEUE_PREFIX: expected")
    expect(() => parseEnvironment(wrong)).not.toThrow("secret")
  })

  it.each([
    "redis://127.0.0.1:6379",
    "redis://127.4.5.6",
    "redis://localhost/2",
    "redis://LOCALHOST:1",
    "redis://[::1]:6379",
    "rediss://me:secret@redis.example:6380",
    "rediss://:secret@10.0.0.7",
  ])("takes Redis on this machine, and elsewhere with TLS and a password: %s", (url) => {
    expect(parseEnvironment({ REDIS_URL: url, STORED_WORKER_TOKEN: "0123456789abcdef" }).redis?.url).toBe(url)
  })

  it.each([
    "redis://secret.example:6379",
    "redis://me:secret@10.0.0.7",
    "rediss://secret.example",
    "rediss://secret@redis.example",
    "redis://127.0.0.1.secret.example",
    "redis://127.0.0.1@secret.example",
    "redis://localhost.secret.example",
    "redis://0.0.0.0/secret",
    "redis://[::]/secret",
  ])("refuses another Redis on another host, unless told that its network is safe: %s", (url) => {
    const given = { REDIS_URL: url, STORED_WORKER_TOKEN: "0123456789abcdef" }
    let caught: unknown
    try {
      parseEnvironment({ ...given, STORED_INSECURE_REDIS: "0" })
    } catch (error) {
      caught = error
    }
    expect(caught).toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringMatching(/TLS and a password.*STORED_INSECURE_REDIS=1/),
      details: { issues: [{ path: "REDIS_URL" }] },
    })
    expect(JSON.stringify(caught)).not.toMatch(/secret|0\.0\.0\.0|::\]/)
    expect(parseEnvironment({ ...given, STORED_INSECURE_REDIS: "1" }).redis?.url).toBe(url)
  })

  it("has defaults, and an empty variable is an absent one", () => {
    const defaults = {
      host: "127.0.0.1",
      port: 7070,
      data: null,
      config: null,
      log: null,
      workerToken: null,
      metricsTokens: { metrics: null, admin: null },
      masterKeys: { current: null, older: [] },
      redis: null,
      endpoints: "any",
      drivers: [],
      tracing: null,
      origins: [],
      trustedProxies: [],
      audit: null,
      maxRequestsPerToken: 1_000,
      maxConnections: 10_000,
      leastUploadRate: 100,
    }
    expect(parseEnvironment({})).toEqual(defaults)
    expect(parseEnvironment({ STORED_HOST: "", STORED_PORT: "", STORED_LOG: "" })).toEqual(defaults)
    const given = { STORED_HOST: "::1", STORED_PORT: "0", STORED_DATA: "d", STORED_CONFIG: "c", STORED_LOG: "debug" }
    expect(parseEnvironment(given)).toEqual({
      endpoints: "any",
      drivers: [],
      tracing: null,
      host: "::1",
      port: 0,
      data: "d",
      config: "c",
      log: "debug",
      workerToken: null,
      metricsTokens: { metrics: null, admin: null },
      masterKeys: { current: null, older: [] },
      redis: null,
      origins: [],
      trustedProxies: [],
      audit: null,
      maxRequestsPerToken: 1_000,
      maxConnections: 10_000,
      leastUploadRate: 100,
    })
  })

  it("tells every mistake at once", () => {
    const given = { STORED_PORT: "70000", STORED_LOG: "loud" }
    let caught: unknown
    try {
      parseEnvironment(given)
    } catch (error) {
      caught = error
    }
    expect(caught).toMatchObject({
      code: "INVALID_CONFIG",
      details: { issues: [{ path: "STORED_PORT" }, { path: "STORED_LOG" }] },
    })
  })
})

describe("the configuration", () => {
  async function file(name: string, text: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "stored-config-"))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }

  it("names nothing but the data directory where no file is named: the rest is what that knows", async () => {
    expect(await loadConfig({ config: null, data: "d" })).toEqual({ data: "d" })
    expect((await loadConfig({ config: null, data: null })).data).toBe(".stored")
  })

  it("is the same in JSON, YAML and TOML, and STORED_DATA goes before its data", async () => {
    const json = await file("c.json", '{"data":"x","backends":{"a":{"driver":"memory"}},"defaultBackends":["a"]}')
    const yaml = await file("c.yml", "data: x\nbackends:\n  a: { driver: memory }\ndefaultBackends: [a]\n")
    const toml = await file("c.toml", 'data = "x"\ndefaultBackends = ["a"]\n[backends.a]\ndriver = "memory"\n')
    const parsed = await loadConfig({ config: json, data: null })
    expect(parsed).toEqual({ data: "x", backends: { a: { driver: "memory" } }, defaultBackends: ["a"] })
    expect(await loadConfig({ config: yaml, data: null })).toEqual(parsed)
    expect(await loadConfig({ config: toml, data: null })).toEqual(parsed)
    expect((await loadConfig({ config: yaml, data: "y" })).data).toBe("y")
  })

  it.each([
    ["broken JSON", "c.json", "{"],
    ["broken YAML", "c.yaml", "a: [1\nb: }"],
    ["broken TOML", "c.toml", "a = [1\nb"],
  ])("%s is a mistake with the file's name", async (_, name, text) => {
    const path = await file(name, text)
    await expect(loadConfig({ config: path, data: null })).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringMatching(new RegExp(name)),
    })
  })

  it("a name that ends like no format is a mistake that names those there are; one without an end is YAML", async () => {
    const config = await file("c.conf", "data: x")
    await expect(loadConfig({ config, data: null })).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringMatching(/c\.conf is in no format.*\.json, \.yaml, \.yml, \.toml/),
    })
    expect(await loadConfig({ config: await file("stored", '{"data":"x"}'), data: null })).toEqual({ data: "x" })
  })

  it("a file that is not there is a mistake with its name", async () => {
    await expect(loadConfig({ config: "/nowhere/c.json", data: null })).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringMatching(/\/nowhere\/c\.json cannot be read \(ENOENT\)/),
    })
  })
})
