/**
 * Objects that others have written with a SHA-256 of their content need not be read: their server vouches for it (R12). Ceph does not, so that a proxy says what
 * AWS does: which objects have such a thing in the listing, and the digest in the answer to a HEAD.
 */
import { createHash } from "node:crypto"
import { PutObjectCommand } from "@aws-sdk/client-s3"
import { expect, it } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { idOf } from "../contract/catalog.facts.ts"
import type { Fault, S3Proxy, S3Request } from "../fault/s3-proxy.ts"
import { bucketBehindProxy } from "../fault/s3-store.ts"
import { openTestStore } from "./open-store.ts"
import { scanned } from "./scan-steps.ts"

interface Vouched extends OpenedStore {
  proxy: S3Proxy
  /** @param listed what the listing says of it; absent: nothing */
  put(key: string, content: string, listed?: { algorithm: string; type?: string }): Promise<void>
  /** HEADs and GETs of objects since then */
  requests(): { looks: number; reads: number }
}

/** @param type what HEADs say of the digest */
async function openVouched(scan: object, { vouches = true, type = "" } = {}): Promise<Vouched> {
  const { bucket, proxy, config } = await bucketBehindProxy({ scan: { prefix: "s3/", every: "off", ...scan } })
  const digests = new Map<string, string>()
  const listed = new Map<string, { algorithm: string; type?: string }>()
  if (vouches) proxy.fault = (request) => vouching(request, digests, listed, type)
  // By this clock nothing was written only just now, which would be left to the looks.
  const clock = { now: () => Date.now() + 60_000 }
  const backends = { s3: config, m: { driver: "memory" } }
  const opened = await openTestStore({ backends, defaultBackends: ["m"] }, { clock })
  proxy.forget()
  const put: Vouched["put"] = async (key, content, told) => {
    await bucket.client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: key, Body: content }))
    digests.set(`/${bucket.bucket}/${key}`, createHash("sha256").update(content).digest("base64"))
    if (told) listed.set(key, told)
  }
  const requests = () => ({ looks: proxy.count("HeadObject"), reads: proxy.count("GetObject") })
  return { ...opened, proxy, put, requests }
}

function vouching(
  { operation, path, headers }: S3Request,
  digests: ReadonlyMap<string, string>,
  listed: ReadonlyMap<string, { algorithm: string; type?: string }>,
  type: string,
): Fault | null {
  const declared = headers["x-amz-checksum-sha256"]
  // What the driver tries a server with: a wrong digest is refused, a right one is told again.
  if (operation === "PutObject" && declared === Buffer.alloc(32).toString("base64")) return { answer: 400 }
  if (operation === "PutObject" && typeof declared === "string") (digests as Map<string, string>).set(path, declared)
  if (operation === "HeadObject" && headers["x-amz-checksum-mode"] === "ENABLED") {
    return {
      change: ({ headers: told }) => {
        const digest = digests.get(path)
        if (digest === undefined) return
        told["x-amz-checksum-sha256"] = digest
        if (type !== "" && !path.includes(".stored-tmp")) told["x-amz-checksum-type"] = type
      },
    }
  }
  if (!operation.startsWith("ListObjects")) return null
  const say = (text: string): string =>
    text.replace(/<Contents><Key>(.*?)<\/Key>/g, (all, key: string) => {
      const told = listed.get(key)
      if (!told) return all
      const kind = told.type === undefined ? "" : `<ChecksumType>${told.type}</ChecksumType>`
      return `${all}<ChecksumAlgorithm>${told.algorithm}</ChecksumAlgorithm>${kind}`
    })
  return {
    change: ({ headers: told }) => {
      delete told["content-length"]
    },
    body: (body) => Buffer.from(say(body.toString())),
  }
}

const WHOLE = { algorithm: "SHA256", type: "FULL_OBJECT" }

it("a scan that reads asks first, and reads what nobody vouches for", async () => {
  const opened = await openVouched({ hash: true })
  await opened.put("told", "one", WHOLE)
  await opened.put("silent", "two")
  await opened.put("other", "three", { algorithm: "CRC64NVME", type: "FULL_OBJECT" })
  await scanned(opened, "s3")
  for (const [key, content] of Object.entries({ told: "one", silent: "two", other: "three" }))
    expect((await opened.store.stat(`s3/${key}`))?.id).toBe(idOf(content))
  // The third is read, and looked at behind that.
  expect(opened.requests()).toEqual({ looks: 3, reads: 1 })
})

it("one that does not read asks for those of which the listing says so, and no others", async () => {
  const opened = await openVouched({ hash: false })
  await opened.put("whole", "one", WHOLE)
  await opened.put("single", "two", { algorithm: "SHA256" })
  await opened.put("silent", "three")
  await opened.put("parts", "four", { algorithm: "SHA256", type: "COMPOSITE" })
  await opened.put("other", "five", { algorithm: "CRC32" })
  await scanned(opened, "s3")
  const ids = Object.fromEntries(
    (await Array.fromAsync(opened.store.list())).map(({ key, checksum }) => [key.slice(3), checksum]),
  )
  expect(ids).toEqual({
    ...{ whole: idOf("one"), single: idOf("two") },
    ...{ silent: expect.stringMatching(/^etag:/), parts: expect.stringMatching(/^etag:/) },
    other: expect.stringMatching(/^etag:/),
  })
  expect(opened.requests()).toEqual({ looks: 2, reads: 0 })
  await scanned(opened, "s3")
  expect(opened.requests()).toEqual({ looks: 2, reads: 0 })
})

it("a digest of the parts' digests is none of the content, whatever the listing says", async () => {
  const opened = await openVouched({ hash: false }, { type: "COMPOSITE" })
  await opened.put("a", "one", WHOLE)
  await scanned(opened, "s3")
  expect((await Array.fromAsync(opened.store.list())).map(({ checksum }) => checksum)).toEqual([
    expect.stringMatching(/^etag:/),
  ])
})

it("a server that vouches for nothing is asked for nothing", async () => {
  const opened = await openVouched({ hash: true }, { vouches: false })
  for (const key of ["a", "b", "c"]) await opened.put(key, `content of ${key}`)
  await scanned(opened, "s3")
  expect((await opened.store.stat("s3/a"))?.id).toBe(idOf("content of a"))
  expect(opened.requests()).toEqual({ looks: 3, reads: 3 })
})
