/** Backends that are added and changed while the store runs: what does not work, or leads elsewhere, changes nothing. Over the library and over HTTP. */
import { mkdir, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, onTestFinished, test, vi } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { connect } from "../../src/client.ts"
import type { OpenedStore } from "../../src/compose.ts"
import type { StoredError } from "../../src/core/error.ts"
import type { JsonObject } from "../../src/core/json.ts"
import { openTestStore } from "./open-store.ts"
import { CANARY, PASSWORD } from "./vault-driver.ts"

vi.mock("../../src/backends/fs.ts", async (original) => (await import("./vault-driver.ts")).vaultInPlaceOfFs(original))

const bytes = Buffer.from("the quick brown fox")
const ADMIN = "admin-token-0123456789"

async function openVault() {
  const opened = await openTestStore({ backends: { a: { driver: "memory" } } })
  const root = join(opened.directory, "vault")
  const settings: JsonObject = { driver: "fs", root, token: CANARY }
  return { ...opened, root, settings }
}

async function listen({ store }: OpenedStore, adminToken?: string): Promise<string> {
  const app = buildApp({ store, ...(adminToken && { adminToken }) })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  return url
}

const journalOf = ({ store }: OpenedStore) => [...store.journal()].map(({ command, backend }) => [command, backend])
const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable(),
    (error: unknown) => error as StoredError,
  )

describe("setBackend", () => {
  test("adds one that is not there, and shows what was found out", async () => {
    const opened = await openVault()
    const { store, settings } = opened
    const info = await store.setBackend("v", settings, { principal: "me", requestId: "r1" })
    expect(info).toMatchObject({
      name: "v",
      state: "open",
      error: null,
      isDefault: true,
      abilities: { version: 1 },
      config: { token: "***" },
    })
    expect([...store.journal()].at(-1)).toMatchObject({
      command: "backend-add",
      backend: "v",
      principal: "me",
      requestId: "r1",
    })
    await store.put(bytes, { key: "k", durability: "all" })
    expect(await store.stat("k")).toMatchObject({ locations: [{ backend: "a" }, { backend: "v", state: "synced" }] })
  })

  test("changes settings while work goes on, keeps what is `***`, and what was found out over restarts", async () => {
    const opened = await openVault()
    const { store, settings, services, directory } = opened
    const { abilities } = await store.addBackend("v", { ...settings, login: { password: PASSWORD } })
    await store.put(bytes, { key: "k", durability: "all" })
    const puts = Array.from({ length: 40 }, (_, index) =>
      store.put(Buffer.from(`${index}`), { key: `n/${index}`, durability: "all" }),
    )
    const changed = await store.setBackend("v", {
      ...settings,
      token: "***",
      login: { user: "me", password: "***" },
      concurrency: 3,
    })
    expect(changed).toMatchObject({
      state: "open",
      config: { token: "***", login: { user: "me", password: "***" }, concurrency: 3 },
    })
    expect(changed.abilities).not.toEqual(abilities)
    expect(services.backends.get("v").settings).toMatchObject({
      token: CANARY,
      login: { user: "me", password: PASSWORD },
    })
    expect((await Promise.all(puts)).every(({ satisfied }) => satisfied)).toBe(true)
    expect(journalOf(opened).filter(([command]) => command?.startsWith("backend"))).toEqual([
      ["backend-add", "a"],
      ["backend-add", "v"],
      ["backend-change", "v"],
    ])
    await store.close()
    const again = await openTestStore({ data: directory, backends: { a: { driver: "memory" } } })
    expect(again.store.getBackend("v")).toMatchObject({
      state: "open",
      abilities: changed.abilities,
      config: { concurrency: 3 },
    })
  })

  test.each<[string, (settings: JsonObject) => JsonObject, string]>([
    ["a wrong secret", (settings) => ({ ...settings, token: "wrong" }), "PERMISSION_DENIED"],
    [
      "one that opens and does not answer",
      (settings) => ({ ...settings, login: { user: "sick" } }),
      "BACKEND_UNAVAILABLE",
    ],
    ["a reference to nothing", (settings) => ({ ...settings, token: "env:STORED_TEST_ABSENT" }), "SECRET_UNAVAILABLE"],
    ["a setting that nobody knows", (settings) => ({ ...settings, colour: "red" }), "INVALID_CONFIG"],
    ["`***` where nothing is kept", (settings) => ({ ...settings, login: { password: "***" } }), "INVALID_CONFIG"],
    ["another driver with `***`", () => ({ driver: "memory", token: "***" }), "INVALID_CONFIG"],
  ])("%s changes nothing", async (_name, spoil, code) => {
    const opened = await openVault()
    const { store, settings, services } = opened
    expect((await failure(store.setBackend("v", { ...spoil(settings) }))).code).toBe(code)
    expect(store.listBackends()).toEqual(["a"])
    await store.addBackend("v", settings)
    const before = [store.getBackend("v"), store.status().lastSequence]
    const error = await failure(store.setBackend("v", spoil(settings)))
    expect(error.code).toBe(code)
    expect(JSON.stringify([error, error.stack])).not.toContain(CANARY)
    expect([store.getBackend("v"), store.status().lastSequence]).toEqual(before)
    expect(services.backends.get("v").settings).toMatchObject({ token: CANARY })
    expect(await store.put(bytes, { key: "k", backends: ["v"], durability: "all" })).toMatchObject({ satisfied: true })
  })

  test("refuses another place than where the copies are, and takes the same one under another name", async () => {
    const { store, settings, root, directory } = await openVault()
    await store.addBackend("v", settings)
    await store.put(bytes, { key: "k", durability: "all" })
    const other = join(directory, "other")
    await mkdir(other)
    await writeFile(join(other, "k"), "something else")
    const missing = { ...settings, root: join(directory, "new") }
    expect(await failure(store.setBackend("v", missing))).toMatchObject({ code: "BACKEND_UNAVAILABLE" })
    const elsewhere: JsonObject[] = [{ ...settings, root: other }, { driver: "memory" }]
    for (const changed of elsewhere) {
      expect(await failure(store.setBackend("v", changed))).toMatchObject({
        code: "CONFLICT",
        message: expect.stringContaining('"k"'),
        details: { backend: "v", key: "k" },
      })
    }
    const moved = join(directory, "moved")
    await rename(root, moved)
    expect(await store.setBackend("v", { ...settings, root: moved })).toMatchObject({
      state: "open",
      config: { root: moved },
    })
    await store.cache.clear()
    expect(await store.get("k", { backend: "v" })).toEqual(bytes)
  })

  test("and removing one at the same time are one after the other", async () => {
    const { store, settings } = await openVault()
    await store.addBackend("v", settings)
    const changing = store.setBackend("v", { ...settings, concurrency: 2 })
    const refused = [store.removeBackend("v"), store.setBackend("v", settings)]
    for (const work of refused) expect((await failure(work)).code).toBe("CONFLICT")
    await changing
    const adding = store.addBackend("w", settings)
    expect((await failure(store.addBackend("w", settings))).code).toBe("CONFLICT")
    await adding
    await store.removeBackend("v")
    expect(store.listBackends()).toEqual(["a", "w"])
  })

  test("of one that hangs ends with the store", async () => {
    const { store, settings } = await openVault()
    const adding = failure(store.setBackend("v", { ...settings, login: { user: "hung" } }))
    await store.close()
    expect((await adding).code).toBe("CLOSED")
  })

  test("that is not there yet takes no put until it has answered", async () => {
    const { store, settings } = await openVault()
    const adding = store.addBackend("v", settings)
    expect(store.listBackends()).toEqual(["a"])
    await store.put(bytes, { key: "k", durability: "all" })
    await adding
    expect(store.listBackends()).toEqual(["a", "v"])
  })
})

describe("testBackend", () => {
  test("tells whether it answers now", async () => {
    const opened = await openVault()
    const { store, settings } = opened
    await store.addBackend("v", settings)
    expect(await store.testBackend("v")).toEqual(store.getBackend("v"))
    expect((await failure(store.testBackend("nowhere"))).code).toBe("UNKNOWN_BACKEND")
    const remote = connect(await listen(opened))
    onTestFinished(() => remote.close())
    expect(await remote.testBackend("v")).toMatchObject({ name: "v", state: "open" })
    expect((await failure(remote.testBackend("nowhere"))).code).toBe("UNKNOWN_BACKEND")
    const { backend } = opened.services.backends.get("v")
    backend.healthCheck = () => Promise.reject(Object.assign(new Error("gone")))
    expect((await failure(store.testBackend("v"))).message).toContain("gone")
    expect((await failure(remote.testBackend("v"))).code).toBe("INTERNAL")
  })
})

describe("over HTTP", () => {
  const put = (url: string, settings: unknown, headers: Record<string, string> = {}) =>
    fetch(`${url}/v1/backends/v`, { method: "PUT", body: JSON.stringify(settings), headers })

  test("PUT adds with 201 and changes with 200; with If-None-Match it only adds", async () => {
    const opened = await openVault()
    const url = await listen(opened)
    const { settings } = opened
    expect((await put(url, { ...settings, token: "wrong" })).status).toBe(503)
    expect((await put(url, settings, { "if-none-match": "*" })).status).toBe(201)
    expect((await put(url, { ...settings, token: "***", concurrency: 2 })).status).toBe(200)
    const taken = await put(url, settings, { "if-none-match": "*" })
    expect([taken.status, await taken.json()]).toMatchObject([409, { code: "BACKEND_EXISTS" }])
    expect((await put(url, settings, { "if-match": '"1"' })).status).toBe(400)
    const answer = await fetch(`${url}/v1/backends/v`)
    expect(await answer.json()).toMatchObject({ config: { token: "***", concurrency: 2 }, abilities: { version: 1 } })
    const remote = connect(url)
    onTestFinished(() => remote.close())
    expect((await failure(remote.addBackend("v", settings))).code).toBe("BACKEND_EXISTS")
    expect(await remote.setBackend("v", settings)).toMatchObject({ name: "v", config: { token: "***" } })
    expect([...opened.store.journal()].at(-1)).toMatchObject({
      command: "backend-change",
      requestId: expect.any(String),
    })
  })

  test("everything is the administrator's where only that token is set", async () => {
    const opened = await openVault()
    const url = await listen(opened, ADMIN)
    const calls: [string, string][] = [
      ["GET", "/v1/backends"],
      ["GET", "/v1/%62ackends"],
      ["GET", "/v1/backends/a"],
      ["PUT", "/v1/backends/v"],
      ["DELETE", "/v1/backends/a"],
      ["POST", "/v1/backends/a/test"],
      ["POST", "/v1/backends/a/pause"],
      ["POST", "/v1/backends/a/resume"],
    ]
    const statuses = (token?: string) =>
      Promise.all(
        calls.map(async ([method, path]) => {
          const body = method === "PUT" ? { body: JSON.stringify(opened.settings) } : {}
          const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
          return (await fetch(url + path, { method, headers, ...body })).status
        }),
      )
    expect(new Set([...(await statuses()), ...(await statuses("wrong"))])).toEqual(new Set([401]))
    expect(opened.store.listBackends()).toEqual(["a"])
    expect((await fetch(`${url}/v1/status`)).status).toBe(401)
    expect((await fetch(`${url}/health`)).status).toBe(200)
    const remote = connect(url, { token: ADMIN })
    onTestFinished(() => remote.close())
    expect(await remote.addBackend("v", opened.settings)).toMatchObject({ name: "v" })
    expect((await fetch(`${url}/v1/%62ackends`, { headers: { authorization: `Bearer ${ADMIN}` } })).status).toBe(200)
    await rm(opened.root, { recursive: true })
  })
})
