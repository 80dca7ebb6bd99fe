/** Many objects in one request, and requests that are sent again: each for itself, over real HTTP and a real store. */
import { describe, expect, it, onTestFinished } from "vitest"
import type { AuditEvent } from "../../src/api/access/audit.ts"
import { buildApp } from "../../src/api/app.ts"
import { ROUTES } from "../../src/api/routes/routes.ts"
import { connect } from "../../src/client.ts"
import type { TokenSettings } from "../../src/store/store.ts"
import { openTestStore } from "../flow/open-store.ts"
import { problem } from "./api-requests.ts"

const ROOT = "the-token-of-the-administrator"
const KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
const BYTES = Buffer.from("the quick brown fox")

async function world() {
  const opened = await openTestStore({ backends: { a: { driver: "memory" }, b: { driver: "memory" } } })
  const audit: AuditEvent[] = []
  const app = buildApp({ store: opened.store, adminToken: ROOT, onAudit: (event) => audit.push(event) })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => app.close())
  const bearing =
    (token: string) =>
    (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(url + path, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      })
  const issue = async (settings: Partial<TokenSettings>) => {
    const { token } = await opened.store.tokens.create({ name: "test", scopes: ["read", "write"], ...settings })
    const client = connect(url, { token })
    onTestFinished(() => client.close())
    return { client, post: bearing(token) }
  }
  const refusals = (): unknown[] => audit.filter(({ decision }) => decision === "refused").map(({ code }) => code)
  return { ...opened, url, issue, refusals, post: bearing(ROOT) }
}

describe("many at once, by a token that reaches some", () => {
  it("deletes those that it reaches, and refuses each other one for itself, which the audit is told", async () => {
    const { store, issue, refusals } = await world()
    for (const key of ["in/a", "out/a", "in/b"]) await store.put(BYTES, { key })
    const { client } = await issue({ prefixes: ["in/"] })
    expect(await client.deleteMany(["in/a", "out/a", "in/none", "in/b"])).toMatchObject([
      { key: "in/a", id: expect.stringMatching(/^sha256:/) },
      { key: "out/a", error: { code: "FORBIDDEN" } },
      { key: "in/none", error: { code: "NOT_FOUND" } },
      { key: "in/b", id: expect.stringMatching(/^sha256:/) },
    ])
    expect([await store.has("out/a"), refusals()]).toEqual([true, ["FORBIDDEN"]])
  })

  it("does not delete what has copies where it may not go", async () => {
    const { store, issue } = await world()
    await store.put(BYTES, { key: "own", backends: ["a"] })
    await store.put(BYTES, { key: "foreign", backends: ["a", "b"] })
    const { client } = await issue({ backends: ["a"] })
    const entries = await client.deleteMany(["foreign", "own"])
    expect(entries).toMatchObject([{ error: { code: "FORBIDDEN" } }, { key: "own" }])
    expect([await store.has("foreign"), await store.has("own")]).toEqual([true, false])
  })

  it("copies and moves likewise, and only to backends that it may use", async () => {
    const { store, issue, refusals } = await world()
    for (const key of ["in/a", "out/a"]) await store.put(BYTES, { key, backends: ["a"] })
    const { client } = await issue({ prefixes: ["in/"], backends: ["a"] })
    const pairs = [
      { from: "in/a", to: "in/copy" },
      { from: "out/a", to: "in/b" },
      { from: "in/a", to: "out/b" },
      { from: "in/a", to: "in/c", backends: ["b"] },
    ]
    const forbidden = { error: { code: "FORBIDDEN" } }
    expect(await Array.fromAsync(client.copyMany(pairs))).toMatchObject([
      { from: "in/a", to: "in/copy", isNew: true, version: 1, size: BYTES.length },
      forbidden,
      forbidden,
      forbidden,
    ])
    expect(await Array.fromAsync(client.moveMany([{ from: "out/a", to: "in/d" }]))).toMatchObject([forbidden])
    expect(refusals()).toEqual(Array.from({ length: 4 }, () => "FORBIDDEN"))
    const keys = (await Array.fromAsync(store.list())).map(({ key }) => key)
    expect(keys).toEqual(["in/a", "in/copy", "out/a"])
  })

  it("needs the scope as ever: then all of it is refused", async () => {
    const { issue } = await world()
    const { post } = await issue({ scopes: ["read"] })
    expect(await problem(await post("/v1/delete", { keys: [] }))).toEqual([403, "FORBIDDEN"])
    expect(await problem(await post("/v1/copy", { pairs: [] }))).toEqual([403, "FORBIDDEN"])
  })
})

describe("a list of pairs", () => {
  it("is answered by lines, as they are done, and by a problem where it is none", async () => {
    const { store, post } = await world()
    await store.put(BYTES, { key: "a" })
    const answer = await post("/v1/copy", { pairs: [{ from: "a", to: "b", metadata: { n: 1 } }] })
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-ndjson"])
    const lines = (await answer.text()).split("\n").filter((line) => line !== "")
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ from: "a", to: "b", isNew: true }])
    expect((await store.stat("b"))?.custom).toEqual({ n: 1 })
    const tooMany = { pairs: Array.from({ length: 1_001 }, () => ({ from: "a", to: "c" })) }
    for (const [body, words] of [
      [tooMany, /at most 1000 pairs/],
      [{ pairs: [{ from: "a" }] }, /pairs: 0: to/],
      [{ from: "a" }, /: to: /],
      [{ pairs: [], from: "a" }, /from/],
      ["a", /expected object/],
    ] as const) {
      const refused = await post("/v1/copy", body)
      expect([refused.status, ((await refused.json()) as { detail: string }).detail]).toEqual([
        400,
        expect.stringMatching(words),
      ])
    }
  })
})

describe("an Idempotency-Key", () => {
  it("is refused by every route that would pass it over, and by none that only reads", async () => {
    const { url } = await world()
    const understood: string[] = []
    for (const { method, path, headers, operation } of ROUTES) {
      const address = url + path.replace(/\{\w+\}/, "name")
      const answer = await fetch(address, {
        method,
        headers: { authorization: `Bearer ${ROOT}`, "idempotency-key": KEY },
        ...(method !== "GET" && method !== "HEAD" && { body: "{}" }),
        signal: AbortSignal.timeout(20_000),
      }).catch(() => null)
      // Events have no end.
      if (path === "/v1/events") {
        await answer?.body?.cancel()
        continue
      }
      const text = (await answer?.text()) ?? ""
      const isRefused = answer?.status === 400 && text.includes("takes no Idempotency-Key")
      const isRead = method === "GET" || method === "HEAD"
      expect([operation, isRefused]).toEqual([operation, !isRead && headers?.["idempotency-key"] === undefined])
      if (!isRefused && !isRead) understood.push(operation)
    }
    expect(understood.sort()).toEqual(
      ["copyObject", "createToken", "deleteBlob", "deleteObject", "deleteObjects", "moveObject"].concat([
        "postObject",
        "putObject",
        "putSigned",
        "rotateToken",
      ]),
    )
  })

  it("of a list of deletes answers as before, and says so; another list is refused", async () => {
    const { store, post } = await world()
    for (const key of ["a", "b"]) await store.put(BYTES, { key })
    const once = { "idempotency-key": KEY }
    const first = await (await post("/v1/delete", { keys: ["a", "none", "b"] }, once)).json()
    // Somebody puts it again: the repeat must not take that away.
    await store.put(BYTES, { key: "a" })
    const again = await post("/v1/delete", { keys: ["a", "none", "b"] }, once)
    expect([again.headers.get("idempotent-replayed"), await again.json()]).toEqual(["true", first])
    expect(await store.has("a")).toBe(true)
    expect(await problem(await post("/v1/delete", { keys: ["c", "a"] }, once))).toEqual([422, "KEY_REUSED"])
    expect(await store.has("a")).toBe(true)
  })

  it("of a list of moves does what is left of it, once", async () => {
    const { store, post } = await world()
    await store.put(BYTES, { key: "a" })
    const pairs = [
      { from: "a", to: "b" },
      { from: "late", to: "c" },
    ]
    const send = async (): Promise<object[]> => {
      const answer = await post("/v1/move", { pairs }, { "idempotency-key": KEY })
      return (await answer.text()).split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as object]))
    }
    expect(await send()).toMatchObject([{ to: "b", version: 1 }, { error: { code: "NOT_FOUND" } }])
    await store.put(Buffer.from("new"), { key: "a" })
    await store.put(BYTES, { key: "late" })
    expect(await send()).toMatchObject([
      { to: "b", version: 1 },
      { to: "c", version: 1 },
    ])
    expect([(await store.stat("b"))?.version, await store.has("a"), await store.has("late")]).toEqual([1, true, false])
    const other = await post("/v1/move", { pairs: [{ from: "a", to: "d" }] }, { "idempotency-key": KEY })
    expect(await problem(other)).toEqual([422, "KEY_REUSED"])
  })

  it("of a new token or secret is refused the second time, with the id, and leaves one token and one secret", async () => {
    const { store, post, url } = await world()
    const settings = { name: "camera", scopes: ["read"] }
    const once = { "idempotency-key": KEY }
    const first = await post("/v1/tokens", settings, once)
    const { id, token } = (await first.json()) as { id: string; token: string }
    expect(first.status).toBe(201)
    const again = await post("/v1/tokens", settings, once)
    const told = (await again.json()) as { code: string; details: object }
    expect([again.status, told]).toMatchObject([409, { code: "CONFLICT", retryable: false, details: { token: id } }])
    expect(JSON.stringify(told)).not.toContain(token)
    expect(store.tokens.list().map((each) => each.id)).toEqual([id])
    expect(await problem(await post("/v1/tokens", { ...settings, name: "other" }, once))).toEqual([422, "KEY_REUSED"])

    const root = connect(url, { token: ROOT })
    onTestFinished(() => root.close())
    const byClient = root.tokens.create({ name: "camera", scopes: ["read"] }, { idempotencyKey: KEY })
    await expect(byClient).rejects.toMatchObject({ code: "CONFLICT", details: { token: id } })

    const rotated = (await (await post(`/v1/tokens/${id}/rotate`, { overlap: "1h" }, once)).json()) as { token: string }
    expect(await problem(await post(`/v1/tokens/${id}/rotate`, { overlap: "1h" }, once))).toEqual([409, "CONFLICT"])
    // The secret of before goes on until its overlap is over, which a second rotation would have ended.
    expect([store.tokens.verify(token), store.tokens.verify(rotated.token)]).not.toContain(null)
    expect(await problem(await post(`/v1/tokens/${id}/rotate`, {}, once))).toEqual([422, "KEY_REUSED"])
  })

  it("of a put by a signed address has one effect, and no stranger's key is in its way", async () => {
    const { store, url } = await world()
    const sign = async (key: string): Promise<string> =>
      url + (await store.signedUrl(key, { method: "PUT", ifAbsent: true })).url
    const send = (address: string, body: string) =>
      fetch(address, { method: "PUT", body, headers: { "idempotency-key": KEY } })
    const address = await sign("in/one")
    const first = await send(address, "bytes")
    const again = await send(address, "bytes")
    expect([first.status, again.status, again.headers.get("idempotent-replayed")]).toEqual([201, 201, "true"])
    expect(await again.json()).toEqual(await first.json())
    expect((await store.stat("in/one"))?.version).toBe(1)
    expect(await problem(await send(address, "other"))).toEqual([422, "KEY_REUSED"])
    expect((await send(await sign("in/two"), "other")).status).toBe(201)
  })
})
