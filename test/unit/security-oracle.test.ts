/**
 * Content that is stored once for everybody tells nobody that it is there. At every place of every route where a text can stand, a token of one folder is told of content that others have what it is told of content that nobody has; and no put is one
 * without its bytes.
 */
import { createHash } from "node:crypto"
import { describe, expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import type { Route } from "../../src/api/route.ts"
import { openTestStore } from "../flow/open-store.ts"
import { type Place, PUBLIC_ROUTES, placesOf } from "./security-places.ts"

const ROOT = "the-administrators-own-token"
const THEIRS = Buffer.from("what only others have")
const digestOf = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex")
const FOREIGN = digestOf(THEIRS)
const UNKNOWN = digestOf("what nobody has")

async function world() {
  const { store } = await openTestStore()
  await store.put(THEIRS, { key: "out/theirs", durability: "all" })
  await store.put(Buffer.from("ours"), { key: "in/ours", durability: "all" })
  const issue = async (name: string) =>
    (await store.tokens.create({ name, scopes: ["read", "write"], prefixes: ["in/", "a"] })).token
  const tokens = { one: await issue("one"), other: await issue("other") }
  const app = buildApp({ store, adminToken: ROOT })
  const url = await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  /** What is told, without what is another one at every request. */
  const told = async (
    method: string,
    target: string,
    { body = null, headers = {}, token = tokens.one }: { body?: string | null; headers?: object; token?: string } = {},
  ): Promise<{ status: number; text: string; code: unknown }> => {
    const init = { method, headers: { authorization: `Bearer ${token}`, "x-request-id": "same", ...headers } }
    const answer = await fetch(url + target, { ...init, ...(body !== null && { body }) })
    const isEndless = answer.headers.get("content-type") === "text/event-stream"
    if (isEndless) await answer.body?.cancel()
    const said = isEndless ? "" : await answer.text()
    const kept = [...answer.headers].filter(([name]) => name !== "date")
    const code = /"code":"([A-Z_]+)"/.exec(said)?.[1] ?? null
    return { status: answer.status, text: JSON.stringify([answer.status, kept, said]), code }
  }
  return { store, told, tokens }
}

/** The ways in which a checksum is named. */
const FORMS: ((hex: string) => string)[] = [
  (hex) => `sha256:${hex}`,
  (hex) => `SHA256:${hex.toUpperCase()}`,
  (hex) => hex,
  (hex) => `blobs/sha256/${hex}`,
]

const places = PUBLIC_ROUTES.flatMap(placesOf).map((place): [string, Place] => [place.what, place])

describe("a token of one folder", () => {
  it("has places to ask at", () => {
    const names = places.map(([name]) => name)
    for (const name of [
      "GET /v1/blobs/{id}",
      "GET /v1/why/{idOrKey}",
      "POST /v1/signed-urls body.name",
      "POST /v1/copy body.from",
    ])
      expect(names).toContain(name)
  })

  it("is told of others' content what it is told of what nobody has, wherever a checksum can stand", {
    timeout: 300_000,
  }, async () => {
    const { told } = await world()
    for (const [what, place] of places) {
      for (const form of FORMS) {
        const [theirs, nobodys] = await Promise.all(
          [FOREIGN, UNKNOWN].map(async (hex) => {
            const { target, body } = place.fill(encodeURIComponent(form(hex)))
            const { text } = await told(place.route.method, target, { body })
            return text.replaceAll(new RegExp(hex, "gi"), "<hex>")
          }),
        )
        // Times and ids of what was made by the request itself.
        expect(neutral(theirs!), `${what} ${form("…")}`).toBe(neutral(nobodys!))
      }
    }
  })

  it("learns nothing by conditions either", async () => {
    const { told } = await world()
    for (const path of ["/v1/blobs/", "/v1/metadata/", "/v1/synced/", "/v1/why/"]) {
      for (const name of ["if-match", "if-none-match", "if-range"]) {
        const [theirs, nobodys] = await Promise.all(
          [FOREIGN, UNKNOWN].map(async (hex) => {
            const headers = { [name]: `"sha256:${hex}"`, range: "bytes=0-0" }
            const { text } = await told("GET", `${path}sha256:${hex}`, { headers })
            return text.replaceAll(hex, "<hex>")
          }),
        )
        expect(theirs).toBe(nobodys)
      }
    }
  })
})

/** Without times, ids, signatures and versions that each request gets anew. */
function neutral(text: string): string {
  return text
    .replace(/\d{10,}/g, "<time>")
    .replace(/"(?:version|age|after|ms)\\*":\d+/g, "<count>")
    .replace(/signature=[\w-]+/g, "<signature>")
}

describe("a put", () => {
  const puts = PUBLIC_ROUTES.filter(({ takesBytes, operation }) => takesBytes && operation !== "notify")

  it("takes bytes wherever there is one", () => {
    expect(puts.map(({ operation }) => operation).sort()).toEqual(["postObject", "putObject", "putSigned"])
    // Whatever else writes objects names one that it must be allowed to read.
    const naming = PUBLIC_ROUTES.filter(({ policy }) => "scope" in policy && policy.scope === "write").map(
      (route: Route) => route.operation,
    )
    expect(naming.filter((operation) => /put|post|copy|move/i.test(operation)).sort()).toEqual([
      "copyObject",
      "moveObject",
      "postObject",
      "putObject",
    ])
  })

  it.each<[string, (hex: string) => Record<string, string>]>([
    ["X-Stored-Checksum", (hex) => ({ "x-stored-checksum": `sha256:${hex}` })],
    ["Content-Digest", (hex) => ({ "content-digest": `sha-256=:${Buffer.from(hex, "hex").toString("base64")}:` })],
    ["Repr-Digest", (hex) => ({ "repr-digest": `sha-256=:${Buffer.from(hex, "hex").toString("base64")}:` })],
    ["If-Match", (hex) => ({ "if-match": `"sha256:${hex}"` })],
  ])("that names content by %s alone is refused, and says nothing of it", async (_name, headersOf) => {
    const { told, store } = await world()
    for (const body of [null, "x"]) {
      const [theirs, nobodys] = await Promise.all(
        [FOREIGN, UNKNOWN].map((hex) => told("PUT", "/v1/objects/in/instant", { body, headers: headersOf(hex) })),
      )
      expect(theirs!.status).toBeGreaterThanOrEqual(400)
      expect(theirs!.text.replaceAll(FOREIGN, "<hex>")).toBe(nobodys!.text.replaceAll(UNKNOWN, "<hex>"))
      expect(await store.stat("in/instant")).toBeNull()
    }
  })

  it("with the bytes that others have is answered like one with bytes that nobody has", async () => {
    const { told } = await world()
    const answers = await Promise.all(
      [THEIRS.toString(), "what nobody has ever "].map(async (body) => {
        const { text, status } = await told("PUT", `/v1/objects/in/same`, { body })
        expect([200, 201]).toContain(status)
        return neutral(text.replaceAll(digestOf(body), "<hex>")).replace(/[A-Za-z0-9+/]{43}=/g, "<digest>")
      }),
    )
    const shape = (text: string): string =>
      text.replace(/"(?:isNew|version|size)\\*":[\w]+/g, "").replace(/20[01]/g, "")
    expect(keysOf(shape(answers[0]!))).toEqual(keysOf(shape(answers[1]!)))
    for (const text of answers) expect(text).not.toContain("out/theirs")
  })

  it("is not another one's because both call it by the same Idempotency-Key", async () => {
    const { told, tokens, store } = await world()
    const headers = { "idempotency-key": "one-and-the-same" }
    const first = await told("PUT", "/v1/objects/in/once", { body: "mine", headers })
    expect(first.status).toBe(201)
    const second = await told("PUT", "/v1/objects/in/once", { body: "another's", headers, token: tokens.other })
    expect(second.text).not.toContain("idempotent-replayed")
    expect(second.text).not.toContain(digestOf("mine"))
    expect(await store.get("in/once")).toEqual(Buffer.from("another's"))
  })
})

const keysOf = (text: string): string[] => [...text.matchAll(/"(\w+)\\*":/g)].map(([, name]) => name!)
