/** A store on S3 servers of different abilities: each copy is proven by the strongest means that its server has, and by no weaker one. */
import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import type { S3Abilities } from "../../src/backends/s3/abilities.ts"
import { pattern } from "../contract/backend/harness.ts"
import { errorBody, type Fault, type S3Request } from "../fault/s3-proxy.ts"
import { MIB, type StoreOnS3, storeOnS3 } from "../fault/s3-store.ts"
import { openTestStore } from "./open-store.ts"

const SMALL = Buffer.from("small content")
const LARGE = pattern(11 * MIB)
const COPIED = `<?xml version="1.0" encoding="UTF-8"?><CopyObjectResult><ETag>"${"0".repeat(32)}"</ETag></CopyObjectResult>`

async function putBoth({ store, services, expectGood }: StoreOnS3): Promise<(string | undefined)[]> {
  await store.put(SMALL, { key: "small" })
  await store.put(LARGE, { key: "large" })
  await Promise.all([store.synced("small"), store.synced("large")])
  const proofs = ["small", "large"].map((key) => services.catalog.location("s3", key)?.verified?.by)
  await expectGood(
    new Map([
      ["small", SMALL],
      ["large", LARGE],
    ]),
  )
  return proofs
}

test("whose ETags are MD5s: by ETags, without reading back", async () => {
  const opened = await storeOnS3()
  let reads = 0
  opened.proxy.fault = ({ operation }) => {
    if (operation === "GetObject") reads += 1
    return null
  }
  expect(await putBoth(opened)).toEqual(["etag", "etag"])
  expect(reads).toBe(0)
})

test("whose ETags prove nothing, as with encryption by KMS: by reading back", async () => {
  const opaque = (etag: unknown): string =>
    `"${createHash("md5")
      .update(`salt${String(etag)}`)
      .digest("hex")}"`
  const fault = (): Fault => ({
    change: ({ headers }) => {
      if (headers.etag !== undefined) headers.etag = opaque(headers.etag)
    },
  })
  const opened = await storeOnS3({}, {}, (request) => (request.operation === "UploadPart" ? null : fault()))
  expect(opened.store.getBackend("s3").abilities).toMatchObject({ etag: "opaque", partsEtag: "opaque" })
  expect(await putBoth(opened)).toEqual(["read-back", "read-back"])
})

/** A server that compares a declared SHA-256, keeps it, and computes that of what it copies. */
function vouching(): (request: S3Request) => Fault | null {
  const kept = new Map<string, string>()
  return ({ operation, path, headers }) => {
    const declared = headers["x-amz-checksum-sha256"]
    if (operation === "PutObject") {
      kept.delete(path)
      // The one wrong checksum that is sent, to see whether it is refused.
      if (declared === Buffer.alloc(32).toString("base64")) return { answer: 400 }
      if (typeof declared === "string") kept.set(path, declared)
    }
    const source = decodeURIComponent(String(headers["x-amz-copy-source"] ?? ""))
    if (operation === "CopyObject" && headers["x-amz-checksum-algorithm"] === "SHA256")
      kept.set(path, kept.get(`/${source}`) ?? "")
    const checksum = kept.get(path)
    if (operation !== "HeadObject" || checksum === undefined || headers["x-amz-checksum-mode"] !== "ENABLED")
      return null
    return {
      change: ({ headers: told }) => {
        told["x-amz-checksum-sha256"] = checksum
      },
    }
  }
}

test("that compares a SHA-256 and tells it again: by that where there is one, by the ETag where there is none", async () => {
  const opened = await storeOnS3({}, {}, vouching())
  expect(opened.store.getBackend("s3").abilities).toMatchObject({ sha256: true })
  expect(await putBoth(opened)).toEqual(["checksum", "etag"])
})

test("that has the bytes already: they are recognised; large ones are not sent again, small ones not written over", async () => {
  const opened = await storeOnS3()
  const { store, services, proxy } = opened
  await putBoth(opened)
  proxy.forget()
  for (const key of ["small", "large"]) {
    await services.catalog.commitDrift({ backend: "s3", key, state: "missing", repair: true, time: Date.now() })
    services.runner.nudge("sync-s3")
    await store.synced(key)
    expect(services.catalog.location("s3", key)?.verified?.by).toBe("etag")
  }
  expect([proxy.count("UploadPart"), proxy.count("GetObject")]).toEqual([0, 0])
  expect(
    proxy.seen.filter(({ operation }) => operation === "PutObject").map(({ headers }) => headers["if-none-match"]),
  ).toEqual(["*"])
})

test("that refuses to write over something is not asked before a small object is written, and once after", async () => {
  const { store, proxy, expectGood } = await storeOnS3()
  await store.put(SMALL, { key: "small" })
  await store.synced("small")
  expect(proxy.seen.map(({ operation }) => operation)).toEqual(["PutObject", "HeadObject"])
  await expectGood(new Map([["small", SMALL]]))
})

test("abilities are kept with the backend, and not asked for again at the next start", async () => {
  const first = await storeOnS3()
  await first.store.close()
  first.proxy.forget()
  const second = await openTestStore({ data: first.directory, backends: { s3: first.config } })
  expect(second.store.getBackend("s3").abilities).toMatchObject({ etag: "md5" })
  expect(first.proxy.count("PutObject")).toBe(0)
})

test("that holds the bytes under another key copies them by itself: a copy is proven as an upload is, and nothing of it passes through here", async () => {
  const { store, services, proxy, expectGood } = await storeOnS3()
  const middle = pattern(2 * MIB)
  await store.put(middle, { key: "middle" })
  await store.put(LARGE, { key: "large" })
  await Promise.all([store.synced("middle"), store.synced("large")])
  proxy.forget()
  await store.put(middle, { key: "put again", mimeType: "text/plain" })
  await store.copy("large", "copied")
  await Promise.all([store.synced("put again"), store.synced("copied")])
  const counts = ["CopyObject", "PutObject", "UploadPart", "GetObject"].map((operation) => proxy.count(operation))
  expect(counts).toEqual([2, 0, 0, 0])
  const proofs = ["put again", "copied"].map((key) => services.catalog.location("s3", key)?.verified?.by)
  expect(proofs).toEqual(["etag", "etag"])
  await expectGood(
    new Map([
      ["middle", middle],
      ["large", LARGE],
      ["put again", middle],
      ["copied", LARGE],
    ]),
  )
})

test.each<[string, Fault]>([
  ["fails to copy", { answer: 500, body: errorBody("InternalError") }],
  ["says that it has copied, and has not", { answer: 200, body: COPIED }],
  ["copies, and its answer is lost", "lose-answer"],
])("that %s is sent the bytes, or seen to have them", async (_what, fault) => {
  const { store, proxy, expectGood } = await storeOnS3()
  const content = pattern(2 * MIB)
  await store.put(content, { key: "first" })
  await store.synced("first")
  proxy.fault = ({ operation }) => (operation === "CopyObject" ? fault : null)
  await store.copy("first", "second")
  await store.synced("second")
  expect(proxy.count("CopyObject")).toBeGreaterThan(0)
  await expectGood(
    new Map([
      ["first", content],
      ["second", content],
    ]),
  )
})

test("that computes a SHA-256 of what it copies is believed by that, and asked for it", async () => {
  const { store, services, proxy } = await storeOnS3({}, {}, vouching())
  expect(store.getBackend("s3").abilities).toMatchObject({ sha256: true, copies: "unbound" })
  const content = pattern(2 * MIB)
  await store.put(content, { key: "first" })
  await store.synced("first")
  await store.copy("first", "second")
  await store.synced("second")
  expect(services.catalog.location("s3", "second")?.verified?.by).toBe("checksum")
  const copy = proxy.seen.find(({ operation }) => operation === "CopyObject")
  expect(copy?.headers["x-amz-checksum-algorithm"]).toBe("SHA256")
})

test("that learns or forgets something is asked anew by a test, and when what is known of it is old", async () => {
  const { store, services, proxy, directory, config } = await storeOnS3()
  const kept = (): S3Abilities =>
    services.catalog.backends().find(({ name }) => name === "s3")!.abilities as S3Abilities
  expect((await store.testBackend("s3")).changed).toBeUndefined()
  // From now on it refuses to copy.
  const nature = ({ operation }: S3Request): Fault | null =>
    operation === "CopyObject" ? { answer: 501, body: errorBody("NotImplemented") } : null
  proxy.fault = nature
  const before = kept()
  const info = await store.testBackend("s3")
  expect(info).toMatchObject({ abilities: { copies: "no" }, changed: { copies: { was: "unbound", is: "no" } } })
  expect(kept()).toMatchObject({ copies: "no", etag: "md5" })
  expect(kept().probed).toBeGreaterThanOrEqual(before.probed!)
  // A test that fails leaves what is known.
  proxy.fault = ({ operation }) => (operation === "PutObject" ? { answer: 403, body: errorBody("AccessDenied") } : null)
  await expect(store.testBackend("s3")).rejects.toMatchObject({ code: "PERMISSION_DENIED" })
  expect(store.getBackend("s3").abilities).toMatchObject({ copies: "no", etag: "md5" })
  const record = services.catalog.backends().find(({ name }) => name === "s3")!
  const old = { ...record.abilities, probed: Date.now() - 31 * 86_400_000 }
  await services.catalog.commitBackend({ ...record, abilities: old, created: 1 }, {})
  await store.close()
  proxy.fault = () => null
  const again = await openTestStore({ data: directory, backends: { s3: config } })
  expect(again.store.getBackend("s3").abilities).toMatchObject({ copies: "unbound" })
  expect(again.services.catalog.backends().find(({ name }) => name === "s3")?.abilities).toMatchObject({
    copies: "unbound",
  })
})
