/** Signed addresses on a real store: what each allows, and that nothing of one can be changed, outlived or used elsewhere. */

import { createHash, createHmac } from "node:crypto"
import type { Socket } from "node:net"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import type { AuditEvent } from "../../src/api/access/audit.ts"
import { buildApp } from "../../src/api/app.ts"
import type { OpenedStore } from "../../src/compose.ts"
import type { SignedUrlOptions } from "../../src/store/store.ts"
import { openTestStore } from "../flow/open-store.ts"
import { problem } from "./api-requests.ts"
import { listen, openSocket, readAnswer, statusOf } from "./api-server.ts"

const CONTENT = Buffer.from("what is under the key")
const hashOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`

/** A store with `docs/a b.txt`, its server, and a clock that is moved by hand. */
async function served() {
  const clock = { time: Date.UTC(2030, 0, 1), now: () => clock.time }
  const opened = await openTestStore({}, { clock })
  const { store } = opened
  await store.put(CONTENT, { key: "docs/a b.txt" })
  const { url: base, port } = await listen(store)
  const sign = async (options: SignedUrlOptions = {}, name = "docs/a b.txt"): Promise<string> =>
    (await store.signedUrl(name, { base, ...options })).url
  return { ...opened, base, port, sign, clock }
}

const put = (url: string, body: Buffer | string = CONTENT, headers: Record<string, string> = {}) =>
  fetch(url, { method: "PUT", body, headers })

/** The address with one of its parts changed. */
function changed(url: string, name: string, value: string | null): string {
  const address = new URL(url)
  if (value === null) address.searchParams.delete(name)
  else address.searchParams.set(name, value)
  return address.href
}

/** A put of `halfhalf` of which the first half has come. */
async function putHalf({ staging }: OpenedStore["services"], port: number, { pathname, search }: URL): Promise<Socket> {
  const began = Promise.withResolvers<void>()
  const receive = staging.receive.bind(staging)
  staging.receive = (...given) => {
    began.resolve()
    return receive(...given)
  }
  const socket = openSocket(port)
  socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\nhalf`)
  await began.promise
  return socket
}

describe("an address to read", () => {
  it("serves the object, its ranges and its head, to whoever has it", async () => {
    const { sign, store } = await served()
    const url = await sign()
    const whole = await fetch(url)
    expect(await whole.text()).toBe(CONTENT.toString())
    expect(whole.headers.get("x-content-type-options")).toBe("nosniff")
    expect(whole.headers.get("referrer-policy")).toBe("no-referrer")
    const part = await fetch(url, { headers: { range: "bytes=5-8" } })
    expect([part.status, await part.text()]).toEqual([206, CONTENT.subarray(5, 9).toString()])
    const head = await fetch(url, { method: "HEAD" })
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(CONTENT.length)])
    const { id } = (await store.stat("docs/a b.txt"))!
    expect(await (await fetch(await sign({}, id))).text()).toBe(CONTENT.toString())
  })

  it("is saved under a name that is signed too", async () => {
    const { sign } = await served()
    const shown = await fetch(await sign())
    expect(shown.headers.get("content-disposition")).toBe('inline; filename="a b.txt"')
    const own = await fetch(await sign({ download: true }))
    expect(own.headers.get("content-disposition")).toBe('attachment; filename="a b.txt"')
    const named = await sign({ download: "q.txt" })
    expect((await fetch(named)).headers.get("content-disposition")).toBe("attachment; filename=q.txt")
    expect(await problem(await fetch(changed(named, "download", "evil.exe")))).toEqual([403, "FORBIDDEN"])
  })

  it("holds for content where that is signed, and for no other", async () => {
    const { sign, store } = await served()
    const url = await sign({ contentHash: hashOf(CONTENT) })
    expect((await fetch(url)).status).toBe(200)
    await store.put(Buffer.from("other"), { key: "docs/a b.txt" })
    expect(await problem(await fetch(url))).toEqual([409, "CONFLICT"])
    expect((await fetch(url, { method: "HEAD" })).status).toBe(409)
  })
})

describe("an address to write", () => {
  it("takes what it was made for, once where it says so", async () => {
    const { sign, store } = await served()
    const url = await sign({ method: "PUT", maxSize: 10, ifAbsent: true }, "in/new")
    const answer = await put(url, "1234567890", { "content-type": "text/x" })
    expect(answer.status).toBe(201)
    expect(Object.keys((await answer.json()) as object)).toEqual(["key", "id", "size"])
    expect(await store.stat("in/new")).toMatchObject({ size: 10, mimeType: "text/x" })
    expect([...store.journal()].findLast(({ command }) => command === "put")?.principal).toBe("signed-url")
    expect(await problem(await put(url, "again"))).toEqual([409, "CONFLICT"])
  })

  it("refuses what is larger, of another hash, or asks for more", async () => {
    const { sign, store } = await served()
    const url = await sign({ method: "PUT", maxSize: 10, contentHash: hashOf(Buffer.from("right")) }, "in/new")
    expect(await problem(await put(url, "12345678901"))).toEqual([413, "TOO_LARGE"])
    const chunks = new ReadableStream({
      start: (controller) => {
        controller.enqueue(Buffer.alloc(6))
        controller.enqueue(Buffer.alloc(6))
        controller.close()
      },
    })
    const chunked = { method: "PUT", body: chunks, duplex: "half" } as RequestInit
    expect(await problem(await fetch(url, chunked))).toEqual([413, "TOO_LARGE"])
    expect(await problem(await put(url, "wrong"))).toEqual([400, "CHECKSUM_MISMATCH"])
    for (const header of ["x-stored-backends", "x-stored-metadata", "x-stored-durability", "if-match"])
      expect(await problem(await put(url, "right", { [header]: "a" })), header).toEqual([400, "INVALID_INPUT"])
    expect(await store.stat("in/new")).toBeNull()
    expect((await put(url, "right")).status).toBe(201)
  })

  it("that comes in time and ends too late is refused at its end", async () => {
    const { sign, store, port, clock, services } = await served()
    const url = new URL(await sign({ method: "PUT", expires: 60 }, "in/late"))
    const socket = await putHalf(services, port, url)
    clock.time += 60_000
    socket.write("half")
    const answer = await readAnswer(socket)
    expect(statusOf(answer)).toBe(403)
    expect(answer).toContain("has expired")
    expect(await store.stat("in/late")).toBeNull()
    expect(await problem(await put(url.href))).toEqual([403, "FORBIDDEN"])
  })

  it("that was revoked under way is refused at its end", async () => {
    const { sign, store, port, services } = await served()
    const url = new URL(await sign({ method: "PUT" }, "in/late"))
    const socket = await putHalf(services, port, url)
    await store.revokeSignedUrls()
    socket.write("half")
    expect(statusOf(await readAnswer(socket))).toBe(403)
    expect(await store.stat("in/late")).toBeNull()
  })
})

describe("an address that was changed", () => {
  const everything: SignedUrlOptions = { method: "PUT", maxSize: 1_000, contentHash: hashOf(CONTENT), ifAbsent: true }

  const changes: [string, string | null][] = [
    ["expires", "1999999999"],
    ["epoch", "1"],
    ["by", "0000000000000000"],
    ["maxSize", "1001"],
    ["maxSize", "01000"],
    ["maxSize", null],
    ["contentHash", hashOf(Buffer.from("x"))],
    ["contentHash", null],
    ["ifAbsent", null],
    ["ifAbsent", "1"],
    ["download", "x"],
    ["signature", null],
    ["signature", "A".repeat(43)],
    ["signature", ""],
    ["extra", "1"],
  ]

  it("in any of its parts is worthless", async () => {
    const { sign, store } = await served()
    for (const [index, [name, value]] of changes.entries()) {
      const url = await sign(everything, `in/${index}`)
      expect(await problem(await put(changed(url, name, value))), `${name}=${value}`).toEqual([403, "FORBIDDEN"])
      expect(await store.stat(`in/${index}`)).toBeNull()
      expect((await put(url)).status).toBe(201)
    }
  })

  it("in its key, its method, or any bit of its signature is worthless", async () => {
    const { sign } = await served()
    const url = await sign()
    expect((await fetch(url.replace("a%20b", "a%20c"))).status).toBe(403)
    expect((await put(url)).status).toBe(403)
    expect((await fetch(await sign({ method: "PUT" }))).status).toBe(403)
    expect((await fetch(`${url}&expires=1`)).status).toBe(403)
    const last = url.at(-1)!
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for (const digit of digits.replace(last, "")) expect((await fetch(url.slice(0, -1) + digit)).status).toBe(403)
    expect((await fetch(url)).status).toBe(200)
  })

  it("is of one store, and not of another with another master key", async () => {
    const [one, other] = [await served(), await served()]
    const { pathname, search } = new URL(await one.sign())
    expect((await fetch(`${other.base}${pathname}${search}`)).status).toBe(403)
  })
})

describe("the end of an address", () => {
  it("is its time, to the second", async () => {
    const { sign, clock } = await served()
    const url = await sign({ expires: 10 })
    clock.time += 9_999
    expect((await fetch(url)).status).toBe(200)
    clock.time += 1
    const answer = await fetch(url)
    expect(await answer.clone().json()).toMatchObject({ detail: "This address has expired; ask for a new one." })
    expect(await problem(answer)).toEqual([403, "FORBIDDEN"])
  })

  it("comes for all at once, over restarts too, and new ones hold", async () => {
    const first = await served()
    const old = await first.sign()
    await first.store.revokeSignedUrls({ principal: "me" })
    expect((await fetch(old)).status).toBe(403)
    expect((await fetch(await first.sign())).status).toBe(200)
    expect([...first.store.journal()].at(-1)).toMatchObject({ command: "signed-urls-revoke", principal: "me" })
    await first.store.close()
    const again = await openTestStore({ data: first.directory })
    expect(again.services.catalog.signedUrlEpoch()).toBe(1)
  })
})

describe("an address that a token has asked for", () => {
  const ROOT = "the-token-of-the-administrator"

  async function asked(settings: object = {}, limits: object = {}) {
    const clock = { time: Date.UTC(2030, 0, 1), now: () => clock.time }
    const { store, services } = await openTestStore({}, { clock })
    await store.put(CONTENT, { key: "in/a" })
    const audit: AuditEvent[] = []
    const app = buildApp({ store, adminToken: ROOT, limits, now: () => 0, onAudit: (event) => audit.push(event) })
    const base = await app.listen({ host: "127.0.0.1", port: 0 })
    onTestFinished(() => {
      app.server.closeAllConnections()
      return app.close()
    })
    const { token, id } = await store.tokens.create({ name: "signer", scopes: ["read", "write"], ...settings })
    const sign = async (body: object, bearer = token) => {
      const headers = { authorization: `Bearer ${bearer}` }
      const answer = await fetch(`${base}/v1/signed-urls`, { method: "POST", headers, body: JSON.stringify(body) })
      const { url, expires } = (await answer.json()) as { url: string; expires: number }
      return { url: base + url, expires }
    }
    const port = Number(new URL(base).port)
    return { store, services, clock, audit, sign, id, port }
  }

  it("ends with it, at its time and when it is revoked", async () => {
    const { store, sign, clock, id } = await asked({ expiresIn: "30m" })
    const { url, expires } = await sign({ name: "in/a", expires: 604_800 })
    expect(expires).toBe(clock.time + 30 * 60_000)
    const later = await sign({ name: "in/a", expires: 60 })
    expect(later.expires).toBe(clock.time + 60_000)
    const roots = await sign({ name: "in/a", expires: 604_800 }, ROOT)
    expect([(await fetch(url)).status, (await fetch(roots.url)).status]).toEqual([200, 200])
    await store.tokens.rotate(id)
    expect((await fetch(url)).status).toBe(200)
    await store.tokens.revoke(id)
    expect(await problem(await fetch(url))).toEqual([403, "FORBIDDEN"])
    expect((await fetch(roots.url)).status).toBe(200)
  })

  it("cannot be made another's, or nobody's", async () => {
    const { sign, store, id } = await asked()
    const other = await store.tokens.create({ name: "other", scopes: ["read"] })
    const { url } = await sign({ name: "in/a" })
    expect(new URL(url).searchParams.get("for")).toBe(id)
    for (const value of [null, other.id, "0", ""]) expect((await fetch(changed(url, "for", value))).status).toBe(403)
    const roots = await sign({ name: "in/a" }, ROOT)
    expect((await fetch(changed(roots.url, "for", id))).status).toBe(403)
    expect((await fetch(url)).status).toBe(200)
  })

  it("puts as it, unless that was revoked under way, and the audit says who signed what", async () => {
    const { sign, store, services, id, port, audit, clock } = await asked()
    const { url, expires } = await sign({ name: "in/b", method: "PUT" })
    expect((await put(url)).status).toBe(201)
    const records = [...store.journal()].filter(({ command, key }) => command === "put" && key === "in/b")
    expect(records.map(({ principal }) => principal)).toEqual([`token:${id}`])
    expect(audit.find(({ signed }) => signed)).toMatchObject({
      principal: `token:${id}`,
      operation: "signUrl",
      signed: { method: "PUT", name: "in/b", expires },
    })
    expect(JSON.stringify(audit)).not.toContain(new URL(url).searchParams.get("signature"))
    const { url: late } = await sign({ name: "in/late", method: "PUT" })
    const socket = await putHalf(services, port, new URL(late))
    await store.tokens.revoke(id)
    socket.write("half")
    expect(statusOf(await readAnswer(socket))).toBe(403)
    expect(await store.stat("in/late")).toBeNull()
    expect(clock.time).toBeLessThan(expires)
  })

  it("counts with its requests and its rate; one of nobody's with those of the client's address", async () => {
    const { sign, services, port, store, id } = await asked({}, { maxRequestsPerToken: 1 })
    for (const bearer of [undefined, ROOT]) {
      const { url } = await sign({ name: "in/held", method: "PUT" }, bearer)
      const { url: read } = await sign({ name: "in/a" }, bearer)
      const socket = await putHalf(services, port, new URL(url))
      const refused = await fetch(read)
      expect([await problem(refused.clone()), refused.headers.get("retry-after")]).toEqual([
        [429, "TOO_MANY_REQUESTS"],
        "1",
      ])
      socket.write("half")
      expect(statusOf(await readAnswer(socket))).toBeLessThan(300)
      await vi.waitFor(async () => expect((await fetch(read)).status).toBe(200), { timeout: 20_000 })
    }
    const slow = await store.tokens.create({ name: "slow", scopes: ["read"], rate: { perSecond: 0.01, burst: 3 } })
    const { url } = await sign({ name: "in/a" }, slow.token)
    expect(id).not.toBe(slow.id)
    const answers = [await fetch(url), await fetch(url), await fetch(url)]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
  })

  it("is of the format of before where it is nobody's, so that old ones hold", async () => {
    const { store, services, clock } = await asked()
    const [key] = await services.keyRing.keysFor([(await store.signedUrl("in/a")).url.match(/by=(\w+)/)![1]!])
    const expires = clock.time / 1000 + 60
    const text = JSON.stringify(["stored", 1, "GET", "in/a", expires * 1000, null, null, false, null, 0, key!.id])
    const signature = createHmac("sha256", key!.signing).update(text).digest("base64url")
    const query = { expires: String(expires), epoch: "0", by: key!.id, signature }
    expect(await store.checkSignedUrl({ method: "GET", name: "in/a", query })).toMatchObject({ token: null })
  })
})

describe("what cannot be signed", () => {
  const refused: [string, SignedUrlOptions][] = [
    ["no time", { expires: 0 }],
    ["more than a week", { expires: 604_801 }],
    ["half a second", { expires: 0.5 }],
    ["a size to read", { maxSize: 1 }],
    ["a name to write under", { method: "PUT", download: true }],
    ["once to read", { ifAbsent: true }],
    ["a name with a line break", { download: "a\r\nSet-Cookie: x" }],
    ["a name without end", { download: "x".repeat(65_536) }],
    ["a hash that is none", { contentHash: "sha256:xyz" }],
    ["a method that is none", { method: "DELETE" as "PUT" }],
    ["a base that is none", { base: "javascript:alert(1)" }],
  ]

  it("is told before anything is made", async () => {
    const { store } = await served()
    for (const [what, options] of refused)
      await expect(store.signedUrl("docs/a b.txt", options), what).rejects.toMatchObject({ code: "INVALID_INPUT" })
  })

  it("a key that is not there, or none", async () => {
    const { store } = await served()
    await expect(store.signedUrl("gone")).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(store.signedUrl("../x", { method: "PUT" })).rejects.toMatchObject({ code: "INVALID_KEY" })
    await expect(store.signedUrl(hashOf(CONTENT), { method: "PUT" })).rejects.toMatchObject({ code: "INVALID_KEY" })
  })
})

describe("a provider's own address (R17)", () => {
  const presigning = ({ services }: OpenedStore, name: string, setting: string | undefined): unknown[] => {
    const asked: unknown[] = []
    const registered = services.backends.get(name)
    if (setting !== undefined) registered.config.signedUrls = setting
    registered.backend.presign = async (method, key, options) => {
      asked.push({ method, key, ...options, signal: undefined })
      return { url: `https://bucket.example/${key}?X=1`, expires: 0, headers: {} }
    }
    return asked
  }
  const get = (url: string) => fetch(url, { redirect: "manual" })

  it("is handed out only where the backend is set to, for no longer than ours", async () => {
    const opened = await served()
    const { store, sign, clock } = opened
    await store.synced("docs/a b.txt")
    const silent = presigning(opened, "a", undefined)
    presigning(opened, "b", "proxy")
    const url = await sign({ expires: 100 })
    expect((await get(url)).status).toBe(200)
    expect(silent).toEqual([])
    const asked = presigning(opened, "b", "redirect")
    clock.time += 40_500
    const answer = await get(url)
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "https://bucket.example/docs/a b.txt?X=1"])
    expect(answer.headers.get("cache-control")).toBe("private, no-store")
    expect(answer.headers.get("x-stored-served-from")).toBe("b")
    expect(asked).toEqual([{ method: "GET", key: "docs/a b.txt", expiresIn: 59, mimeType: "text/plain" }])
    // Markup and whatever else opens with a meaning is saved there too.
    await store.put(Buffer.from("<script>"), { key: "x.html" })
    await store.synced("x.html")
    await get(await sign({}, "x.html"))
    expect(asked.at(-1)).toMatchObject({ fileName: "x.html" })
  })

  it("is none where the content is signed, no copy is proven, or it cannot be had", async () => {
    const opened = await served()
    const { store, sign, services } = opened
    await store.synced("docs/a b.txt")
    presigning(opened, "a", "redirect")
    expect((await get(await sign({ contentHash: hashOf(CONTENT) }))).status).toBe(200)
    expect((await fetch(await sign(), { method: "HEAD", redirect: "manual" })).status).toBe(200)
    services.backends.get("a").backend.presign = () => Promise.reject(new Error("away"))
    expect((await get(await sign())).status).toBe(200)
    presigning(opened, "a", "redirect")
    await store.pauseBackend("a")
    await store.put(Buffer.from("new"), { key: "new" })
    expect((await get(await sign({}, "new"))).status).toBe(200)
  })
})
