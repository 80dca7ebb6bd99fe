/** A server with tokens, as those who bear them see it: over real HTTP and a real store. */
import { pino } from "pino"
import { expect, onTestFinished, test } from "vitest"
import type { AuditEvent } from "../../src/api/access/audit.ts"
import { buildApp } from "../../src/api/app.ts"
import { startServer } from "../../src/api/start-server.ts"
import { connect } from "../../src/client.ts"
import type { TokenSettings } from "../../src/store/store.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

const ROOT = "the-token-of-the-administrator"

async function world() {
  const opened = await openTestStore()
  const audit: AuditEvent[] = []
  const refused: string[] = []
  const app = buildApp({
    store: opened.store,
    adminToken: ROOT,
    onAudit: (event) => audit.push(event),
    onRefusal: (code) => refused.push(code),
  })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  const root = connect(url, { token: ROOT })
  onTestFinished(() => root.close())
  const issue = async (settings: Partial<TokenSettings> = {}) => {
    const { token, id } = await root.tokens.create({ name: "test", scopes: ["read", "write"], ...settings })
    const client = connect(url, { token })
    onTestFinished(() => client.close())
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
    return { token, id, client, ask }
  }
  return { ...opened, url, root, issue, audit, refused }
}

test("whoever may touch a folder sees that folder, in lists, events, the journal and by checksum", async () => {
  const { store, issue, root } = await world()
  const { client, ask } = await issue({ prefixes: ["a/", "single"] })
  for (const key of ["a/1", "ab", "b/1", "single", "single2"]) await root.put(Buffer.from(key), { key })
  const secret = await root.put(Buffer.from("known to b only"), { key: "b/secret" })
  await client.put(Buffer.from("mine"), { key: "a/2" })

  const keys = async (prefix?: string) =>
    (await Array.fromAsync(client.list(prefix === undefined ? {} : { prefix }))).map(({ key }) => key)
  expect(await keys()).toEqual(["a/1", "a/2", "single"])
  expect([await keys("a/2"), await keys("s"), await keys("b/"), await keys("a")]).toEqual([
    ["a/2"],
    ["single"],
    [],
    ["a/1", "a/2"],
  ])
  const paged = (await (await ask("/v1/objects?limit=1")).json()) as { objects: unknown[]; cursor: string }
  const rest = (await (await ask(`/v1/objects?cursor=${paged.cursor}`)).json()) as { objects: { key: string }[] }
  expect(rest.objects.map(({ key }) => key)).toEqual(["a/2", "single"])

  const journal = await Array.fromAsync(client.journal())
  expect(journal.map(({ command, key }) => [command, key])).toEqual(
    [...store.journal()]
      .filter(({ key }) => key !== null && ["a/1", "a/2", "single"].includes(key))
      .map(({ command, key }) => [command, key]),
  )
  const heard: string[] = []
  const end = new AbortController()
  for await (const { type, data } of client.events({ after: 0, signal: end.signal })) {
    heard.push("key" in data ? String(data.key) : type)
    if (heard.includes("a/2")) end.abort()
  }
  expect(heard.filter((key) => !["a/1", "a/2", "single"].includes(key))).toEqual([])

  // Unknown content and somebody else's look the same.
  const unknown = `sha256:${"0".repeat(64)}`
  for (const path of ["/v1/blobs/", "/v1/metadata/", "/v1/synced/"]) {
    const [foreign, absent] = await Promise.all(
      [secret.id, unknown].map(async (id) => {
        const answer = await ask(path + id)
        const { requestId: _, ...problem } = (await answer.json()) as Record<string, unknown>
        return JSON.stringify([answer.status, problem]).replaceAll(id, "<id>")
      }),
    )
    expect(foreign).toBe(absent)
    expect(foreign).toContain("404")
  }
  await client.put(Buffer.from("known to b only"), { key: "a/same" })
  const shared = (await (await ask(`/v1/metadata/${secret.id}`)).json()) as {
    key: string
    locations: { key: string }[]
  }
  expect(JSON.stringify(shared)).not.toContain("b/secret")
  expect(await (await ask(`/v1/blobs/${secret.id}`)).text()).toBe("known to b only")
  expect((await ask(`/v1/blobs/${secret.id}`, { method: "DELETE" })).status).toBe(403)
  expect(await root.has("b/secret")).toBe(true)
})

test("what a token did stands in the journal under its id, and what it was refused in the audit alone", async () => {
  const { store, issue, root, audit, refused } = await world()
  const { id, token, client } = await issue({ prefixes: ["a/"] })
  // Proven on its backend: nothing writes to the journal any more but what comes now.
  await client.put(Buffer.from("1"), { key: "a/1", durability: "all" })
  const before = store.status().lastSequence
  await expect(client.put(Buffer.from("1"), { key: "b/1" })).rejects.toMatchObject({ code: "FORBIDDEN" })
  await expect(client.delete("a/1", { backends: ["a"], force: true })).rejects.toMatchObject({ code: "FORBIDDEN" })
  await expect(client.tokens.list()).rejects.toMatchObject({ code: "FORBIDDEN" })
  expect(store.status().lastSequence).toBe(before)
  expect(refused).toEqual(["FORBIDDEN", "FORBIDDEN", "FORBIDDEN"])
  expect(audit.filter(({ decision }) => decision === "refused")).toMatchObject([
    { principal: `token:${id}`, method: "PUT", path: "/v1/objects/b/1", code: "FORBIDDEN" },
    { method: "DELETE" },
    { method: "GET", path: "/v1/tokens" },
  ])
  expect(JSON.stringify(audit)).not.toContain(token.split(".")[1])
  await root.delete("a/1")
  const who = [...store.journal()]
    .filter(({ key }) => key === "a/1")
    .map(({ command, principal }) => [command, principal])
  expect(who).toContainEqual(["put", `token:${id}`])
  expect(who).toContainEqual(["delete", "admin"])
})

test("a token is good until it is revoked, and its secret until the overlap is over", async () => {
  const { root, issue, url } = await world()
  const { id, token, ask } = await issue({ expiresIn: "1h" })
  const rotated = await root.tokens.rotate(id, { overlap: "1h" })
  const status = async (bearer: string) =>
    (await fetch(`${url}/v1/objects`, { headers: { authorization: `Bearer ${bearer}` } })).status
  expect([await status(token), await status(rotated.token)]).toEqual([200, 200])
  const last = await root.tokens.rotate(id)
  expect([await status(token), await status(rotated.token), await status(last.token)]).toEqual([401, 401, 200])
  expect(await root.tokens.revoke(id)).toMatchObject({ id, revoked: expect.any(Number) })
  expect(await status(last.token)).toBe(401)
  const answer = await ask("/v1/objects")
  expect([answer.headers.get("www-authenticate"), ((await answer.json()) as { code: string }).code]).toEqual([
    "Bearer",
    "UNAUTHENTICATED",
  ])
  expect(await root.tokens.list()).toMatchObject([{ id, name: "test" }])
})

test("nobody gives away what he does not have", async () => {
  const { store, issue, root } = await world()
  const { client } = await issue({ scopes: ["admin"] })
  for (const maker of [root, client])
    await expect(maker.tokens.create({ name: "spy", scopes: ["worker"] })).rejects.toMatchObject({ code: "FORBIDDEN" })
  const worker = await store.tokens.create({ name: "worker", scopes: ["worker"] })
  await expect(root.tokens.rotate(worker.id)).rejects.toMatchObject({ code: "FORBIDDEN" })
  expect(await client.tokens.create({ name: "reader", scopes: ["read"] })).toMatchObject({ scopes: ["read"] })
})

test("over its quota it is 507 and nothing is kept, over its rate 429 with the time to wait", async () => {
  const { issue, root } = await world()
  const full = await issue({ prefixes: ["a/"], quota: { bytes: 10 } })
  const put = (key: string, size: number) => full.ask(`/v1/objects/${key}`, { method: "PUT", body: Buffer.alloc(size) })
  expect([(await put("a/1", 8)).status, (await put("a/2", 3)).status, (await put("a/2", 2)).status]).toEqual([
    201, 507, 201,
  ])
  const chunked = new Blob([Buffer.alloc(100_000)]).stream()
  const answer = await full.ask("/v1/objects/a/3", { method: "PUT", body: chunked, duplex: "half" } as RequestInit)
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([507, "QUOTA_EXCEEDED"])
  expect(await root.tokens.get(full.id)).toMatchObject({ usage: { bytes: 10, objects: 2 } })

  const slow = await issue({ rate: { perSecond: 0.01, burst: 2 } })
  const answers = [await slow.ask("/v1/objects"), await slow.ask("/v1/objects"), await slow.ask("/v1/objects")]
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
  expect(Number(answers[2]!.headers.get("retry-after"))).toBeGreaterThan(90)
})

test("a token for some backends uses these, and takes nothing from the others", async () => {
  const { issue, root } = await world()
  const { client } = await issue({ backends: ["b"] })
  await root.put(Buffer.from("on both"), { key: "both" })
  const own = await client.put(Buffer.from("own"), { key: "own" })
  expect(own.locations.map(({ backend }) => backend)).toEqual(["b"])
  const refusals = [
    () => client.put(Buffer.from("x"), { key: "x", backends: ["a"] }),
    () => client.put(Buffer.from("x"), { key: "both" }),
    () => client.delete("both"),
    () => client.delete("both", { backends: ["a"] }),
    () => client.get("both", { backends: ["a"] }),
    () => client.get("both", { backends: ["b"], fallback: ["a"] }),
  ]
  for (const refusal of refusals) await expect(refusal()).rejects.toMatchObject({ code: "FORBIDDEN" })
  expect((await client.get("both")).toString()).toBe("on both")
  await client.delete("own")
})

test("a server without a token is not reached by others, and is once it has one", async () => {
  const data = await temporaryDirectory()
  const { createStore } = await import("../../src/compose.ts")
  const config = { data, backends: { a: { driver: "memory" } } }
  const start = (admin: string | null = null) =>
    startServer({
      config,
      host: "0.0.0.0",
      port: 0,
      log: pino({ level: "silent" }),
      openStore: (given, { log, onFault }) => createStore(given, { log, onFault }),
      onFault: () => {},
      metricsTokens: { metrics: null, admin },
    })
  await expect(start()).rejects.toMatchObject({
    code: "INVALID_CONFIG",
    message: expect.stringContaining("STORED_ADMIN_TOKEN"),
  })
  const store = await createStore(config)
  const { id } = await store.tokens.create({ name: "first", scopes: ["read"] })
  // What was closed never opens by itself.
  await store.tokens.revoke(id)
  await store.close()
  for (const admin of [null, ROOT]) {
    const server = await start(admin)
    const url = server.url.replace("0.0.0.0", "127.0.0.1")
    expect([(await fetch(`${url}/health`)).status, (await fetch(`${url}/v1/objects`)).status]).toEqual([200, 401])
    await server.close(1_000)
  }
})
