/** What is the client's own, beside the contract of the store: addresses and tokens, deadlines, refused uploads, answers of others. */
import { createHash, randomBytes } from "node:crypto"
import { Readable } from "node:stream"
import { inspect } from "node:util"
import { describe, expect, it, onTestFinished } from "vitest"
import { connect } from "../../src/client.ts"
import { answering } from "./answering-server.ts"
import { listen } from "./api-server.ts"
import { mapStore } from "./map-store.ts"

const TOKEN = "s3cr3t-token-of-somebody"

function client(url: string, options: Parameters<typeof connect>[1] = {}) {
  const remote = connect(url, options)
  onTestFinished(() => remote.close({ deadline: 0 }))
  return remote
}

describe("the address and the token", () => {
  it.each(["nonsense", "ftp://x", "http://", ""])("%j is no address", (url) => {
    expect(() => connect(url)).toThrow(/http:\/\/host:port/)
  })

  it("credentials in it are refused, and not shown", () => {
    const words = expect.stringMatching(/give them as `token`/)
    expect(faultOf(() => connect(`http://me:${TOKEN}@host`))).toMatchObject({ message: words })
    for (const url of [`http://me:${TOKEN}@host`, `http://me:${TOKEN}@host:999999`, `http://${TOKEN}@host`]) {
      const refusal = faultOf(() => connect(url))
      expect(refusal).toMatchObject({ code: "INVALID_INPUT" })
      expect(inspect(refusal)).not.toContain(TOKEN)
    }
  })

  it("the token goes with every request, and shows nowhere", async () => {
    const seen = new Set<string | undefined>()
    const url = await answering(({ headers }, response) => {
      seen.add(headers.authorization)
      response.writeHead(401).end("who are you?")
    })
    const remote = client(`${url}/behind/a/path/`, { token: TOKEN })
    const calls = [remote.stat("k"), remote.put(Buffer.from("x"), { key: "k" }), remote.get("k"), remote.status()]
    for (const end of await Promise.allSettled(calls)) {
      expect(end).toMatchObject({ status: "rejected", reason: { code: "PERMISSION_DENIED" } })
      expect(inspect(end, { depth: 10 })).not.toContain(TOKEN)
    }
    expect([...seen]).toEqual([`Bearer ${TOKEN}`])
    expect(inspect(remote, { depth: 10, showHidden: true })).not.toContain(TOKEN)
    const gone = await client("http://127.0.0.1:1", { token: TOKEN })
      .status()
      .catch((error: unknown) => error)
    expect(inspect(gone, { depth: 10, showHidden: true })).not.toContain(TOKEN)
  })

  it.each([`${TOKEN}\r\nx: y`, `${TOKEN} `, `${TOKEN}é`, "", 5])("%j is no token, and is not shown", (token) => {
    const refusal = faultOf(() => connect("http://host", { token: token as string }))
    expect(refusal).toMatchObject({ code: "INVALID_INPUT" })
    expect(inspect(refusal)).not.toContain(TOKEN)
  })

  it.each([0, -1, 1.5, 2 ** 31, "5"])("%j is no timeout", (timeout) => {
    expect(faultOf(() => connect("http://host", { timeout: timeout as number }))).toMatchObject({
      code: "INVALID_INPUT",
    })
  })
})

describe("who does not answer, or is none of ours", () => {
  it("a server that is not there is BACKEND_UNAVAILABLE", async () => {
    const gone = client("http://127.0.0.1:1")
    await expect(gone.status()).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
  })

  it("silence is TIMEOUT after the deadline, before the answer and within it", async () => {
    const silent = client(await answering(() => {}), { timeout: 50 })
    const calls = [silent.stat("a"), silent.put(Buffer.alloc(100), { key: "a" }), silent.get("a"), silent.cache.stats()]
    for (const end of await Promise.allSettled(calls)) {
      expect(end).toMatchObject({ status: "rejected", reason: { code: "TIMEOUT", retryable: true } })
    }
    const half = client(await answering((_, response) => void response.write("{")), { timeout: 50 })
    await expect(half.stat("a")).rejects.toMatchObject({ code: "TIMEOUT" })
  })

  it.each([
    [502, "<html>", "INTERNAL", true],
    [431, "", "TOO_LARGE", false],
    [301, "", "INTERNAL", false],
    [500, '{"code":"MADE_UP","detail":"hm."}', "INTERNAL", false],
  ])("%i with %j is %s", async (status, text, code, retryable) => {
    const remote = client(await answering((_, response) => response.writeHead(status).end(text)))
    await expect(remote.stat("a")).rejects.toMatchObject({ code, retryable })
  })

  it("an answer that is no JSON, and content without a length, are INTERNAL", async () => {
    const remote = client(await answering((_, response) => response.writeHead(200).end("hello")))
    await expect(remote.stat("a")).rejects.toMatchObject({ code: "INTERNAL" })
    const chunked = await answering((_, response) => {
      response.write("x")
      response.end()
    })
    await expect(client(chunked).get("a")).rejects.toMatchObject({ code: "INTERNAL" })
  })

  it("bytes that are not those of the tag are CORRUPT; more than announced never count", async () => {
    const headers = { "content-length": "5", etag: `"sha256:${"0".repeat(64)}"` }
    const remote = client(await answering((_, response) => response.writeHead(200, headers).end("hello")))
    await expect(remote.get("a")).rejects.toMatchObject({ code: "CORRUPT" })
    expect((await remote.get("a", { verify: false })).toString()).toBe("hello")
  })
})

it("a broken download is asked for again from its byte on, on the condition that it is the same", async () => {
  const asked: unknown[] = []
  const etag = `"sha256:${createHash("sha256").update("hello, world").digest("hex")}"`
  const url = await answering(({ headers, url }, response) => {
    asked.push([url, headers.range, headers["if-range"]])
    if (asked.length > 1) {
      response.writeHead(206, { etag, "content-range": "bytes 5-11/12" }).end(", world")
      return
    }
    response.writeHead(200, { etag, "content-length": "12" })
    response.write("hello", () => response.destroy())
  })
  expect((await client(url).get("a", { backend: "b" })).toString()).toBe("hello, world")
  expect(asked).toEqual([
    ["/v1/objects/a?backend=b", undefined, undefined],
    ["/v1/objects/a?backend=b", "bytes=5-11", etag],
  ])
})

describe("an upload", () => {
  it("that is refused while it runs ends with the refusal, and lets go of its source", async () => {
    const { url } = await listen(mapStore(), { maxBlobSize: 1_000_000, lingerTime: 50 })
    const endless = Readable.from(
      (async function* () {
        for (;;) yield randomBytes(100_000)
      })(),
    )
    await expect(client(url).put(endless, { key: "a" })).rejects.toMatchObject({ code: "TOO_LARGE" })
    expect(endless.destroyed).toBe(true)
  })

  it("that is refused while its source is silent ends too", async () => {
    const { url } = await listen(mapStore())
    const source = new Readable({ read() {} })
    source.push(Buffer.alloc(10))
    const refused = client(url).put(source, { key: "a", ifVersion: 7, metadata: { a: "x".repeat(20_000) } })
    await expect(refused).rejects.toMatchObject({ code: "TOO_LARGE" })
    expect(source.destroyed).toBe(true)
  })

  it("tells how far it has come, and how large it is where that is known", async () => {
    const lengths: (string | undefined)[] = []
    const store = mapStore()
    const { url } = await listen(store)
    const bytes = randomBytes(600_000)
    const told: number[] = []
    await client(url).put(bytes, { key: "a", onProgress: (done) => told.push(done) })
    expect(told.at(-1)).toBe(600_000)
    const other = await answering((request, response) => {
      lengths.push(request.headers["content-length"])
      request.resume().once("end", () => response.end("{}"))
    })
    await client(other).put(bytes, { key: "a" })
    await client(other).put(Readable.from([bytes]), { key: "a" })
    await client(other).put(Readable.from([bytes]), { key: "a", size: 600_000 })
    expect(lengths).toEqual(["600000", undefined, "600000"])
  })
})

describe("conditions that contradict each other", () => {
  it("are CONFLICT; absent and version 0 are the same", async () => {
    const { url } = await listen(mapStore())
    const remote = client(url)
    const both = (ifVersion: number) => remote.put(Buffer.from("x"), { key: "a", ifAbsent: true, ifVersion })
    await expect(both(1)).rejects.toMatchObject({ code: "CONFLICT" })
    expect(await both(0)).toMatchObject({ version: 1 })
    await expect(both(0)).rejects.toMatchObject({ code: "CONFLICT", details: { version: 1 } })
  })
})

function faultOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}
