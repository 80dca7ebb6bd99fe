/** Two tenants of one store: whatever one of them asks, it cannot tell whether the other one has the same bytes. */
import { createHash } from "node:crypto"
import { expect, onTestFinished, test } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import { openTestStore } from "./open-store.ts"

const BYTES = Buffer.from("the same bytes")
const ID = `sha256:${createHash("sha256").update(BYTES).digest("hex")}`

async function world(config: object = {}) {
  const opened = await openTestStore({
    checksums: ["sha256", "md5"],
    backends: { a: { driver: "memory" } },
    defaultBackends: ["a"],
    ...config,
  })
  const { store } = opened
  const app = buildApp({ store, adminToken: "the-token-of-the-administrator" })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  const { token } = await store.tokens.create({ name: "prober", scopes: ["read", "write"], prefixes: ["mine/"] })
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } })
  return { ...opened, store, ask }
}

/** Everything that an answer tells, without what differs between any two. */
async function told(answer: Response): Promise<unknown> {
  const text = await answer.text()
  const headers = Object.fromEntries(answer.headers)
  for (const name of ["date", "x-request-id", "last-modified", "content-length"]) delete headers[name]
  if (headers.etag !== `"${ID}"`) delete headers.etag
  const plain = text
    .replace(/"(time|created|modified|written|verifiedAt|since|dueAt|parkedAt)":\d+/g, '"$1":0')
    .replace(/"(sequence|from|looked|requestId|generation)":(?:\d+|"[^"]*")/g, '"$1":0')
    .replace(/"chain":"[0-9a-f]*"/g, '"chain":""')
    .replace(/"token:[0-9a-f]+"/g, '"token:"')
  return { status: answer.status, headers, text: plain }
}

/** All that the prober can ask of its object, from the put on. */
async function probe({ ask, store }: Awaited<ReturnType<typeof world>>): Promise<unknown[]> {
  // Whether its copy is on its way already when it is answered is a matter of time.
  await store.pauseBackend("a")
  const found = [await told(await ask("/v1/objects/mine/probe", { method: "PUT", body: BYTES }))]
  await store.resumeBackend("a")
  await store.synced("mine/probe")
  await store.idle()
  for (const path of [
    "/v1/metadata/mine/probe",
    `/v1/metadata/${ID}`,
    "/v1/synced/mine/probe",
    "/v1/objects/mine/probe",
    `/v1/blobs/${ID}`,
    "/v1/objects?prefix=",
    "/v1/why/mine/probe?all=1",
    "/v1/failed",
    "/v1/journal?limit=1000",
  ])
    found.push(path, await told(await ask(path)))
  found.push(await told(await ask("/v1/objects/mine/probe", { method: "HEAD" })))
  found.push(await told(await ask(`/v1/blobs/${ID}`, { method: "HEAD" })))
  await store.pauseBackend("a")
  const copy = JSON.stringify({ from: "mine/probe", to: "mine/copy" })
  found.push(await told(await ask("/v1/copy", { method: "POST", body: copy })))
  await store.resumeBackend("a")
  return found
}

test("a put, and all that can be asked of its object, tells the same whether others have the bytes or not", async () => {
  const alone = await world()
  const shared = await world()
  await shared.store.put(BYTES, { key: "a/secret.html", mimeType: "text/html", metadata: { who: "else" } })
  await shared.store.synced("a/secret.html")
  await shared.store.idle()
  expect((await shared.store.stat("a/secret.html"))!.checksumState).toBe("complete")
  const [here, there] = [await probe(alone), await probe(shared)]
  expect(there).toEqual(here)
  expect(JSON.stringify(there)).not.toContain("secret")
})

test("what becomes of others' copies of the same bytes is not told", async () => {
  const at = await world()
  const { store, ask, services } = at
  await probe(at)
  await store.delete("mine/copy")
  await store.idle()
  const facts = async (): Promise<unknown> => [
    await (await ask("/v1/metadata/mine/probe")).json(),
    (await ask("/v1/objects/mine/probe", { method: "HEAD" })).headers.get("last-modified"),
  ]
  const before = await facts()
  await store.cache.evict("all")
  expect(services.catalog.blob(ID as never)!.staged).toBe(false)
  expect(await facts()).toEqual(before)
  await store.put(BYTES, { key: "z/other" })
  await store.synced("z/other")
  expect(services.catalog.blob(ID as never)!.staged).toBe(true)
  expect(await facts()).toEqual(before)
})

test("a place that another one's copy has is refused without its name", async () => {
  const { store, ask } = await world({
    backends: { a: { driver: "memory", keyTemplate: "mine/{hash}" } },
    defaultBackends: ["a"],
  })
  const made = await store.put(BYTES)
  const place = made.locations[0]!.key
  const answer = await ask(`/v1/objects/${place}`, { method: "PUT", body: "mine" })
  const problem = JSON.stringify(await answer.json())
  expect([answer.status, made.key.startsWith("mine/")]).toEqual([409, false])
  expect(problem).not.toContain(made.key)
})

test("whoever may touch every key is told everything as before", async () => {
  const { store } = await world()
  const { token } = await store.tokens.create({ name: "whole", scopes: ["read", "write"] })
  const app = buildApp({ store, adminToken: "the-token-of-the-administrator" })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  const headers = { authorization: `Bearer ${token}` }
  await store.put(BYTES, { key: "k" })
  await store.synced("k")
  await store.idle()
  const metadata = await (await fetch(`${url}/v1/metadata/k`, { headers })).json()
  expect(metadata).toEqual(JSON.parse(JSON.stringify(await store.stat("k"))))
  expect(metadata).toMatchObject({ checksumState: "complete", checksums: { md5: expect.any(String) } })
  expect((await fetch(`${url}/v1/objects/k`, { headers })).headers.get("x-stored-served-from")).toBe("staging")
})
