/** The HTTP API on a real store: copies, races, and the errors that only a real store has. */
import { randomBytes } from "node:crypto"
import { describe, expect, it, onTestFinished } from "vitest"
import { buildApp } from "../../src/api/app.ts"
import type { CreateStoreOptions, OpenedStore } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { StoredError } from "../../src/core/error.ts"
import { memoryBackend, openTestStore } from "./open-store.ts"

async function serve(
  config: StoreConfigInput = { defaultBackends: ["a", "b"] },
  options: CreateStoreOptions = {},
): Promise<{ opened: OpenedStore; url: string }> {
  const opened = await openTestStore(config, options)
  const app = buildApp({ store: opened.store })
  await app.listen({ host: "127.0.0.1", port: 0 })
  onTestFinished(() => {
    app.server.closeAllConnections()
    return app.close()
  })
  const { port } = app.server.address() as { port: number }
  return { opened, url: `http://127.0.0.1:${port}` }
}

const put = (url: string, key: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/objects/${key}`, { method: "PUT", body, headers })

async function codeOf(answer: Response): Promise<[number, unknown]> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  return [answer.status, ((await answer.json()) as { code?: string }).code]
}

describe("copies", () => {
  it("are waited for where the client asks, and shown in the metadata", async () => {
    const { opened, url } = await serve()
    const answer = await put(url, "k", "hello", { "x-stored-durability": "all" })
    expect(await answer.json()).toMatchObject({ locations: [{ synced: true }, { synced: true }] })
    expect(await memoryBackend(opened, "b").stat("k")).toMatchObject({ size: 5 })
    const listed = await fetch(`${url}/v1/objects?backend=b`)
    expect(await listed.json()).toMatchObject({ objects: [{ key: "k" }], cursor: null })
  })

  it("go one by one, but never the last", async () => {
    const { url } = await serve()
    await put(url, "k", "hello", { "x-stored-durability": "all" })
    const remove = (query: string) => fetch(`${url}/v1/objects/k${query}`, { method: "DELETE" })
    expect(await (await remove("?backend=b")).json()).toMatchObject({ deleted: ["b"], removed: ["b"], pending: [] })
    expect(await codeOf(await remove("?backend=a"))).toEqual([409, "LAST_COPY"])
    expect(await codeOf(await remove("?backend=nowhere"))).toEqual([400, "UNKNOWN_BACKEND"])
    expect((await remove("")).status).toBe(200)
    expect(await codeOf(await remove(""))).toEqual([404, "NOT_FOUND"])
  })

  it("are read as asked: strictly, or with the others behind", async () => {
    const { opened, url } = await serve()
    const body = randomBytes(100_000)
    await put(url, "k", body, { "x-stored-durability": "all" })
    await opened.store.cache.clear()
    memoryBackend(opened, "a").intercept = (call) => {
      if (call === "get") throw new StoredError("BACKEND_UNAVAILABLE", "It is down.", { retryable: true })
    }
    const strict = await fetch(`${url}/v1/objects/k?backend=a`)
    expect(strict.headers.get("retry-after")).not.toBeNull()
    expect(await codeOf(strict)).toEqual([503, "COPY_UNAVAILABLE"])
    const read = await fetch(`${url}/v1/objects/k?backend=a&fallback=true`)
    expect(read.headers.get("x-stored-served-from")).toBe("b")
    expect(Buffer.from(await read.arrayBuffer()).equals(body)).toBe(true)
  })
})

describe("races", () => {
  it("of conditional puts have one winner, the others get 412", async () => {
    const { url } = await serve({ defaultBackends: ["a"] })
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => put(url, "k", `body ${index}`, { "if-none-match": "*" })),
    )
    expect(answers.map((answer) => answer.status).sort()).toEqual([201, ...Array(63).fill(412)])
    const winner = answers.findIndex((answer) => answer.status === 201)
    expect(await (await fetch(`${url}/v1/objects/k`)).text()).toBe(`body ${winner}`)
  })

  it("of plain puts keep one whole body and count every version", async () => {
    const { url } = await serve({ defaultBackends: ["a"] })
    await Promise.all(Array.from({ length: 32 }, (_, index) => put(url, "k", Buffer.alloc(70_000, index))))
    const read = await fetch(`${url}/v1/objects/k`)
    expect(read.headers.get("x-stored-version")).toBe("32")
    const bytes = Buffer.from(await read.arrayBuffer())
    expect(bytes.equals(Buffer.alloc(70_000, bytes[0]))).toBe(true)
  })
})

describe("refusals", () => {
  it("for a put without any backend", async () => {
    const { opened, url } = await serve({ backends: {} })
    expect(await codeOf(await put(url, "k", "x"))).toEqual([400, "NO_BACKEND"])
    expect(opened.store.status().objects).toBe(0)
  })

  it.each([1_000, 500_000])("for %i bytes where staging is full of what no backend has", async (size) => {
    const { url } = await serve({ defaultBackends: ["a"], cache: { maxSize: 1_000_000 } }, { work: false })
    expect((await put(url, "first", randomBytes(999_500))).status).toBe(201)
    const refused = await put(url, "second", randomBytes(size))
    expect(refused.headers.get("retry-after")).not.toBeNull()
    const problem = (await refused.json()) as Record<string, unknown>
    expect(problem).toMatchObject({ status: 507, code: "QUOTA_EXCEEDED", retryable: true })
    expect(problem.details).toMatchObject({ limit: 1_000_000 })
    expect((await fetch(`${url}/v1/objects/first`)).status).toBe(200)
  })

  it.each([
    ["another checksum", { "x-stored-checksum": `sha256:${"0".repeat(64)}` }, [400, "CHECKSUM_MISMATCH"]],
    ["an unknown backend", { "x-stored-backends": "a,nowhere" }, [400, "UNKNOWN_BACKEND"]],
    ["more copies than backends", { "x-stored-durability": "copies:3" }, [400, "INVALID_INPUT"]],
    ["metadata over its limit", { "x-stored-metadata": JSON.stringify({ a: "x".repeat(65_536) }) }, [431, undefined]],
    ["a content type that is none", { "content-type": "text/" }, [415, undefined]],
  ] as const)("for %s, which change nothing", async (_, headers, refusal) => {
    const { opened, url } = await serve()
    for (const size of [10, 500_000])
      expect(await codeOf(await put(url, "k", Buffer.alloc(size), headers))).toEqual(refusal)
    expect(opened.store.status()).toMatchObject({ objects: 0, blobs: 0, staging: { entries: 0 } })
  })

  it("of a closed store", async () => {
    const { opened, url } = await serve()
    await opened.store.close()
    expect(await codeOf(await put(url, "k", "x"))).toEqual([503, "CLOSED"])
    expect((await fetch(`${url}/ready`)).status).toBe(503)
    expect((await fetch(`${url}/health`)).status).toBe(200)
  })
})

it("finds a blob by any of its checksums, and deletes every object of it", async () => {
  const { opened, url } = await serve({ defaultBackends: ["a"], checksums: ["sha256", "md5"] })
  await put(url, "k", "hello")
  await put(url, "l", "hello")
  await opened.store.idle()
  const read = await fetch(`${url}/v1/blobs/md5:5d41402abc4b2a76b9719d911017c592`)
  expect(await read.text()).toBe("hello")
  expect(read.headers.get("cache-control")).not.toMatch(/immutable/)
  const id = read.headers.get("etag")!.replaceAll('"', "")
  expect((await fetch(`${url}/v1/blobs/${id}`, { method: "DELETE" })).status).toBe(200)
  expect(await (await fetch(`${url}/v1/objects`)).json()).toEqual({ objects: [], cursor: null })
})
