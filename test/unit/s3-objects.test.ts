/** What the S3 driver can do beyond the contract's suite, on a real server: abilities, proofs, copies, presigned addresses, and what it keeps to itself. */
import { createHash } from "node:crypto"
import { CreateMultipartUploadCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest"
import type { SkippedEntry } from "../../src/backends/backend.ts"
import { resolveCredentials } from "../../src/backends/s3/credentials.ts"
import { clearOldProbes } from "../../src/backends/s3/probe.ts"
import { openSession } from "../../src/backends/s3/session.ts"
import { s3Schema } from "../../src/backends/s3/settings.ts"
import { S3Backend, type S3Config } from "../../src/backends/s3.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { bytes, contentOf, keysOf, pattern, streamed } from "../contract/backend/harness.ts"
import { CEPH, MIB } from "../fault/s3-store.ts"
import { makeBucket, type TestBucket } from "../s3-bucket.ts"

const hashers = await createHashers()

let bucket: TestBucket
let folders = 0
let prefix = ""
beforeAll(async () => {
  bucket = await makeBucket()
})
beforeEach(() => {
  folders += 1
  prefix = `folder-${folders}`
})
afterAll(() => bucket.remove())

const skipped: SkippedEntry[] = []

async function openBackend(more: Partial<S3Config> = {}, known: typeof CEPH | null = CEPH): Promise<S3Backend> {
  const config = bucket.config({ partSize: 5 * MIB, multipartAbove: 5 * MIB, prefix, ...more })
  const services = {
    hashers,
    onSkip: (entry: SkippedEntry) => void skipped.push(entry),
    ...(known && { knownAbilities: known }),
  }
  const backend = new S3Backend(config, services)
  await backend.open()
  onTestFinished(() => backend.close())
  return backend
}

function sha256(content: Uint8Array) {
  return { algorithm: "sha256" as const, hex: createHash("sha256").update(content).digest("hex") }
}

async function outside(key: string, content: Buffer, metadata: Record<string, string> = {}): Promise<void> {
  const target = { Bucket: bucket.bucket, Key: `${prefix}/${key}` }
  await bucket.client.send(new PutObjectCommand({ ...target, Body: content, Metadata: metadata }))
}

describe("abilities", () => {
  it("are found out at the first opening, leave nothing behind, and are not asked again", async () => {
    const backend = await openBackend({}, null)
    if (bucket.server.own) expect(backend.abilities).toEqual({ ...CEPH, probed: expect.any(Number) })
    expect(await bucket.keys(prefix)).toEqual([])
    expect(await bucket.uploads()).toEqual([])
    const known = { ...CEPH, versioning: "on" as const }
    expect((await openBackend({}, known)).abilities).toEqual(known)
  })

  it("are asked again where what was kept is of another version", async () => {
    const backend = await openBackend({}, { ...CEPH, version: 0 } as unknown as typeof CEPH)
    expect(backend.abilities).toMatchObject({ version: 1 })
  })

  it("of a probe that was killed nothing stays for ever, and a running one is left alone", async () => {
    const left = `${prefix}/.stored-tmp/probe-killed/parts`
    await outside(".stored-tmp/probe-killed/object", Buffer.from("x"))
    await bucket.client.send(new CreateMultipartUploadCommand({ Bucket: bucket.bucket, Key: left }))
    const config = s3Schema.parse(bucket.config({ prefix }))
    const session = await openSession(config, await resolveCredentials(config), CEPH, hashers)
    onTestFinished(() => session.close())
    await clearOldProbes(session, undefined)
    expect([(await bucket.keys(prefix)).length, (await bucket.uploads()).length]).toEqual([1, 1])
    await clearOldProbes(session, undefined, -60_000)
    expect([await bucket.keys(prefix), await bucket.uploads()]).toEqual([[], []])
  })

  it("are not looked for by whoever may only read", async () => {
    const backend = new S3Backend(bucket.config({ prefix }), { hashers })
    await backend.open({ readOnly: true })
    onTestFinished(() => backend.close())
    expect(backend.abilities).toBeUndefined()
    expect(await bucket.keys(prefix)).toEqual([])
  })

  it.each<[string, Partial<S3Config>, string]>([
    ["a bucket that is not there", { bucket: "stored-test-nowhere" }, "BACKEND_REFUSED"],
    ["a wrong secret", { credentials: { accessKeyId: "stored-test", secretAccessKey: "canary" } }, "PERMISSION_DENIED"],
    ["a port where nobody listens", { endpoint: "http://127.0.0.1:9" }, "BACKEND_UNAVAILABLE"],
  ])("cannot be found out of %s, and the error says so without secrets", async (_what, more, code) => {
    for (const known of [null, CEPH]) {
      const failure = await openBackend(more, known).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code })
      expect(String(failure) + JSON.stringify(failure)).not.toContain("canary")
    }
  })
})

describe("proofs", () => {
  it.each([0, 1, 300_000, 5 * MIB, 5 * MIB + 1, 12 * MIB])(
    "the etag that a put of %i bytes tells is the one that is seen",
    async (size) => {
      const backend = await openBackend()
      const content = pattern(size)
      const { etag } = await backend.put("k", streamed(content, size), { checksum: sha256(content) })
      expect(etag).toMatch(/^[0-9a-f]{32}(-\d+)?$/)
      expect(await backend.stat("k")).toMatchObject({ size, etag })
      expect(etag?.includes("-")).toBe(size > 5 * MIB)
      const source = async () => bytes(content)
      expect(await backend.recognise("k", { size, checksum: sha256(content) }, source)).toBe("same")
    },
  )

  it("tells no etag of bytes of which nobody said what they should be, nor of a server whose etags prove nothing", async () => {
    const content = pattern(1000)
    expect(await (await openBackend()).put("k", bytes(content))).toEqual({ key: "k" })
    const backend = await openBackend({}, { ...CEPH, etag: "opaque", partsEtag: "opaque" })
    expect(await backend.put("k", bytes(content), { checksum: sha256(content) })).toEqual({ key: "k" })
    const known = { size: 1000, checksum: sha256(content) }
    expect(await backend.recognise("k", known, async () => bytes(content))).toBe("unknown")
    const large = pattern(6 * MIB)
    expect(await backend.put("large", bytes(large), { checksum: sha256(large) })).toEqual({ key: "large" })
  })

  it("recognises nothing that was not written as this content, whatever its etag: MD5s can be made to collide", async () => {
    const backend = await openBackend()
    const content = pattern(1000)
    const known = { size: 1000, checksum: sha256(content) }
    await outside("k", content)
    expect(await backend.recognise("k", known, async () => bytes(content))).toBe("unknown")
    await outside("k", content, { "stored-content": `sha256:${"0".repeat(64)}` })
    expect(await backend.recognise("k", known, async () => bytes(content))).toBe("unknown")
    // A claim alone is none either: the bytes are not those of the etag.
    await outside("k", pattern(1000, 3), { "stored-content": `sha256:${known.checksum.hex}` })
    expect(await backend.recognise("k", known, async () => bytes(content))).toBe("unknown")
    // Nor are bytes here that are not what they should be.
    await backend.put("k", bytes(content), { checksum: known.checksum })
    expect(await backend.recognise("k", known, async () => bytes(pattern(1000, 3)))).toBe("unknown")
    expect(await backend.recognise("k", { ...known, size: 999 }, () => expect.fail("no need"))).toBe("other")
    expect(await backend.recognise("nothing", known, () => expect.fail("no need"))).toBe("other")
  })

  it("writes nothing of bytes that are not what they should be", async () => {
    const backend = await openBackend()
    await backend.put("k", bytes(Buffer.from("old")))
    const wrong = backend.put("k", bytes(Buffer.from("new")), { checksum: sha256(Buffer.from("other")) })
    await expect(wrong).rejects.toMatchObject({ code: "CHECKSUM_MISMATCH" })
    expect(await contentOf(backend, "k")).toBe("old")
  })

  it.each([100, 6 * MIB])("replaces %i bytes only where they are what they were", async (size) => {
    const backend = await openBackend()
    const put = (seed: number, replaces: string | null) => backend.put("k", bytes(pattern(size, seed)), { replaces })
    await put(1, null)
    const first = await backend.stat("k")
    await put(2, first!.etag!)
    if (size > 100) return
    await expect(put(3, first!.etag!)).rejects.toMatchObject({ code: "CONFLICT", retryable: true })
    await expect(put(3, null)).rejects.toMatchObject({ code: "CONFLICT", retryable: true })
    expect((await backend.stat("k"))?.etag).toBe(createHash("md5").update(pattern(size, 2)).digest("hex"))
  })
})

describe("objects", () => {
  it("keep their type, and the time they were given as rclone writes it", async () => {
    const backend = await openBackend()
    await backend.put("k", bytes(Buffer.from("x")), { mimeType: "text/plain", modified: 1_234_567_890_123 })
    const head = await bucket.client.send(new HeadObjectCommand({ Bucket: bucket.bucket, Key: `${prefix}/k` }))
    expect(head).toMatchObject({ ContentType: "text/plain", Metadata: { mtime: "1234567890.123" } })
  })

  it.each([100, 6 * MIB])(
    "of %i bytes are copied within the bucket, with what makes them recognisable",
    async (size) => {
      const backend = await openBackend()
      const content = pattern(size)
      await backend.put("from", bytes(content), { checksum: sha256(content) })
      const proven = { size, checksum: sha256(content), etag: (await backend.stat("from"))!.etag! }
      const copied = await backend.copy("from", "to/😀+ %", { proven })
      // The very ETag that was computed when the first one was written.
      expect(copied.etag).toBe(proven.etag)
      expect(await backend.stat("to/😀+ %")).toMatchObject({ size, etag: proven.etag })
      expect((await contentOf(backend, "to/😀+ %")).length).toBeGreaterThan(0)
      const known = { size, checksum: sha256(content) }
      expect(await backend.recognise("to/😀+ %", known, async () => bytes(content))).toBe("same")
      await expect(backend.copy("absent", "to", { proven })).rejects.toMatchObject({ code: "NOT_FOUND" })
      expect(await backend.stat("to")).toBeNull()
    },
  )

  it("that others have written are not copied: nothing would prove the copy", async () => {
    const backend = await openBackend()
    const content = Buffer.from("of unknown origin")
    await outside("found", content)
    const proven = { size: content.length, checksum: sha256(content), etag: (await backend.stat("found"))!.etag! }
    await expect(backend.copy("found", "to", { proven })).rejects.toMatchObject({ code: "BACKEND_REFUSED" })
    expect(await backend.stat("to")).toBeNull()
  })

  it("are not asked to be copied of a server that does not copy", async () => {
    const backend = await openBackend({}, { ...CEPH, copies: "no" })
    const content = Buffer.from("content")
    await backend.put("from", bytes(content), { checksum: sha256(content) })
    const proven = { size: content.length, checksum: sha256(content), etag: (await backend.stat("from"))!.etag! }
    await expect(backend.copy("from", "to", { proven })).rejects.toMatchObject({ code: "BACKEND_REFUSED" })
  })

  it("in the driver's own folder are neither listed nor reached; what has no valid key is passed over and told", async () => {
    const backend = await openBackend()
    await outside(".stored-tmp/uploads/x", Buffer.from("not ours"))
    for (const key of ["folder/", "a//b", "k\u0001"]) await outside(key, Buffer.from("x"))
    for (const key of ["a+b", "a b", "a%2Bb"]) await outside(key, Buffer.from(key))
    skipped.length = 0
    expect(await keysOf(backend)).toEqual(["a b", "a%2Bb", "a+b"])
    expect(skipped.map(({ name }) => name).sort()).toEqual(["a//b", "folder/", "k\u0001"])
    expect(await contentOf(backend, "a+b")).toBe("a+b")
    for (const key of [".stored-tmp/x", ".stored-tmp"]) {
      await expect(backend.put(key, bytes(Buffer.from("x")))).rejects.toMatchObject({ code: "BACKEND_REFUSED" })
      await expect(backend.get(key)).rejects.toMatchObject({ code: "BACKEND_REFUSED" })
    }
    expect(await backend.sweep({ olderThan: 0 })).toBe(0)
    expect(await bucket.keys(`${prefix}/.stored-tmp/`)).toHaveLength(1)
  })

  it("are not listed by a server that does not list in order", async () => {
    const backend = await openBackend({}, { ...CEPH, ordered: false })
    await backend.put("k", bytes(Buffer.from("x")))
    await expect(keysOf(backend)).rejects.toMatchObject({ code: "BACKEND_REFUSED", retryable: false })
    await backend.healthCheck()
    expect(await contentOf(backend, "k")).toBe("x")
  })

  it("with names that XML has not are deleted among many", async () => {
    const backend = await openBackend()
    const keys = ["plain", "\uffff last", "a & <b>", "\ufffe"]
    for (const key of keys) await backend.put(key, bytes(Buffer.from("x")))
    await backend.deleteMany([...keys, "absent"])
    expect(await keysOf(backend)).toEqual([])
  })
})

describe("presigned addresses", () => {
  it("read one object, with the type and the name that were asked for", async () => {
    const backend = await openBackend()
    await backend.put("a b+c", bytes(Buffer.from("content")))
    const { url, expires } = await backend.presign("GET", "a b+c", { mimeType: "text/plain", fileName: 'ü "x".txt' })
    expect(expires - Date.now()).toBeGreaterThan(3_590_000)
    const answer = await fetch(url)
    expect(await answer.text()).toBe("content")
    expect(answer.headers.get("content-type")).toBe("text/plain")
    expect(answer.headers.get("content-disposition")).toContain("filename*=UTF-8''%C3%BC%20%22x%22.txt")
    const other = new URL(url)
    other.pathname = other.pathname.replace(/[^/]+$/, "other")
    expect((await fetch(other)).status).toBe(403)
    expect((await fetch(url, { method: "DELETE" })).status).toBe(403)
  })

  it("write one object, of the size and type that were signed", async () => {
    const backend = await openBackend()
    const { url, headers } = await backend.presign("PUT", "k", { mimeType: "text/plain", size: 7, expiresIn: 60 })
    const put = (body: string, type: string) =>
      fetch(url, { method: "PUT", body, headers: { ...headers, "content-type": type } })
    expect((await put("content", "text/html")).status).toBe(403)
    expect(await backend.stat("k")).toBeNull()
    expect((await put("content", "text/plain")).status).toBe(200)
    expect(await contentOf(backend, "k")).toBe("content")
    const longer = { method: "PUT", body: "longer than that", headers: { "content-type": "text/plain" } }
    expect((await fetch(url, longer)).status).toBe(403)
  })

  it.each([0, 1.5, 604_801])("do not hold for %d seconds", async (expiresIn) => {
    const backend = await openBackend()
    await expect(backend.presign("GET", "k", { expiresIn })).rejects.toMatchObject({ code: "INVALID_INPUT" })
  })

  it("are not given out for writing by a backend that may only be read", async () => {
    const backend = await openBackend()
    await backend.open({ readOnly: true })
    await expect(backend.presign("PUT", "k")).rejects.toMatchObject({ code: "READ_ONLY" })
  })
})
