/** Rows 15, 16, 18 to 21 and 25 of the fault table on a real S3 server: whatever goes wrong on the way, nothing is called synced that is not, and all converges. */
import { createHash } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { PutObjectCommand } from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { contentPath, layoutOf } from "../../src/staging/layout.ts"
import { pattern } from "../contract/backend/harness.ts"
import { SeededRandom } from "./kill-random.ts"
import { errorBody } from "./s3-proxy.ts"
import { MIB, storeOnS3 } from "./s3-store.ts"
import { bytesOf, testSeed } from "./store-harness.ts"

const DONE = `<?xml version="1.0" encoding="UTF-8"?><CompleteMultipartUploadResult><Key>large</Key><ETag>"${"0".repeat(32)}-3"</ETag></CompleteMultipartUploadResult>`

test("15: a third of all requests fail, large and small; all objects converge, none is falsely synced, nothing is left", async () => {
  const seed = testSeed()
  const random = new SeededRandom(seed)
  const { store, proxy, expectGood } = await storeOnS3()
  const faults = [
    { answer: 503, body: errorBody("SlowDown") },
    { answer: 500, body: errorBody("InternalError") },
    { answer: 429, headers: { "retry-after": "0" } },
    "lose-answer" as const,
    { resetAfter: 1 },
  ]
  proxy.fault = () => (random.below(100) < 30 ? faults[random.below(faults.length)]! : null)
  const contents = new Map<string, Buffer>()
  for (let index = 0; index < 30; index += 1) contents.set(`small/${index}`, bytesOf(seed + index, 100 + index * 37))
  contents.set("large", pattern(11 * MIB))
  await Promise.all([...contents].map(([key, content]) => store.put(content, { key })))
  await Promise.all([...contents.keys()].map((key) => store.synced(key)))
  expect(proxy.seen.length).toBeGreaterThan(contents.size * 3)
  await expectGood(contents)
})

test("15: a server that says when to come again is asked then, and not before", async () => {
  const { store, proxy, services, expectGood } = await storeOnS3()
  const body = { answer: 503, body: errorBody("SlowDown"), headers: { "retry-after": "2" } }
  const refused = Promise.withResolvers<void>()
  proxy.fault = ({ operation }) => (operation === "HeadObject" ? body : null)
  await store.put(Buffer.from("patient"), { key: "k" })
  const watch = async (): Promise<void> => {
    while ((services.catalog.location("s3", "k")?.attempts ?? 0) === 0) await new Promise((next) => setImmediate(next))
    refused.resolve()
  }
  await Promise.all([watch(), refused.promise])
  proxy.fault = () => null
  const [row] = services.catalog.due("sync-s3", { now: Number.MAX_SAFE_INTEGER, limit: 1 })
  expect(row!.dueAt - row!.modified).toBeGreaterThanOrEqual(1900)
  await store.synced("k")
  await expectGood(new Map([["k", Buffer.from("patient")]]))
}, 20_000)

test("15: what a server says to one job holds for all of them: none of the backend asks it before then", async () => {
  const { store, proxy, services } = await storeOnS3({ concurrency: 2 })
  const busy = { answer: 503, body: errorBody("SlowDown"), headers: { "retry-after": "600" } }
  proxy.fault = ({ operation }) => (operation === "PutObject" ? busy : null)
  await store.put(Buffer.from("first"), { key: "first" })
  while (services.runner.heldUntilOf("s3") === null) await new Promise((next) => setImmediate(next))
  proxy.fault = () => null
  const asked = proxy.seen.length
  for (let index = 0; index < 6; index += 1) await store.put(Buffer.from(`content ${index}`), { key: `k-${index}` })
  services.runner.nudgeAll()
  // As far as nothing has begun by then, nothing but time begins it.
  await store.idle()
  expect(proxy.seen.length).toBe(asked)
  expect(store.getBackend("s3").breaker).toBe("open")
  expect(services.catalog.location("s3", "k-0")).toMatchObject({ state: "pending", attempts: 0 })
  const { waits } = await store.why("k-0")
  expect(waits).toMatchObject([
    { reason: "breaker", message: expect.stringMatching(/asked to be left alone/), next: expect.any(Number) },
  ])
  // What is there can be read meanwhile.
  expect((await store.get("k-0")).toString()).toBe("content 0")
})

test("15: what waited for that goes on then by itself", async () => {
  const { store, proxy, services, expectGood } = await storeOnS3({ concurrency: 2 })
  let told: number | null = null
  const after: number[] = []
  proxy.fault = ({ operation }) => {
    if (operation !== "PutObject") return null
    if (told !== null) after.push(performance.now() - told)
    if (told !== null) return null
    told = performance.now()
    return { answer: 503, body: errorBody("SlowDown"), headers: { "retry-after": "1" } }
  }
  const contents = new Map([["first", Buffer.from("first")]])
  await store.put(contents.get("first")!, { key: "first" })
  while ((services.catalog.location("s3", "first")?.attempts ?? 0) === 0)
    await new Promise((next) => setImmediate(next))
  for (let index = 0; index < 6; index += 1) {
    contents.set(`k-${index}`, Buffer.from(`content ${index}`))
    await store.put(contents.get(`k-${index}`)!, { key: `k-${index}` })
  }
  await Promise.all([...contents.keys()].map((key) => store.synced(key)))
  expect(after).toHaveLength(7)
  expect(Math.min(...after)).toBeGreaterThan(900)
  await expectGood(contents)
}, 30_000)

test("16: a server that never answers holds the one slot no longer than its deadline: the others go on, and it comes right at last", async () => {
  const { store, proxy, services, expectGood } = await storeOnS3({
    concurrency: 1,
    timeouts: { connect: 500, answer: 300, idle: 300 },
  })
  let stuck = true
  const stalled = Promise.withResolvers<void>()
  proxy.fault = ({ path, operation }) => {
    if (!stuck || operation !== "PutObject" || !path.endsWith("/stuck")) return null
    stalled.resolve()
    return "stall"
  }
  const contents = new Map([["stuck", Buffer.from("stuck")]])
  await store.put(contents.get("stuck")!, { key: "stuck" })
  for (let index = 0; index < 5; index += 1) {
    contents.set(`k-${index}`, Buffer.from(`content ${index}`))
    await store.put(contents.get(`k-${index}`)!, { key: `k-${index}` })
  }
  const others = [...contents.keys()].filter((key) => key !== "stuck")
  await Promise.all(others.map((key) => store.synced(key)))
  await stalled.promise
  expect(services.catalog.location("s3", "stuck")?.state).not.toBe("synced")
  stuck = false
  await store.synced("stuck")
  await expectGood(contents)
})

test.each([
  ["is reset in the midst of a part", "UploadPart", { resetAfter: 2 * MIB }],
  ["loses the answer to a part", "UploadPart", "lose-answer" as const],
  [
    "answers 200 with an error to the end of the upload",
    "CompleteMultipartUpload",
    { answer: 200, body: errorBody("InternalError") },
  ],
  ["answers 200 with nothing to the end of the upload", "CompleteMultipartUpload", { answer: 200, body: "" }],
  ["answers the end of the upload as if it were done", "CompleteMultipartUpload", { answer: 200, body: DONE }],
  ["loses the answer to the end of the upload", "CompleteMultipartUpload", "lose-answer" as const],
  ["alters a byte of a part", "UploadPart", { flip: MIB + 5 }],
])("18, 19: a connection that %s", async (_what, operation, fault) => {
  const { store, proxy, expectGood } = await storeOnS3()
  // A call is tried twice before the job is.
  proxy.fault = (seen) => (seen.operation === operation && seen.nth <= 2 ? fault : null)
  const content = pattern(11 * MIB)
  await store.put(content, { key: "large" })
  await store.synced("large")
  expect(proxy.count(operation)).toBeGreaterThan(1)
  await expectGood(new Map([["large", content]]))
})

test("19: bytes that are altered on the way are refused by the server, and come right the next time", async () => {
  const { store, proxy, expectGood } = await storeOnS3()
  proxy.fault = ({ operation, nth }) => (operation === "PutObject" && nth <= 2 ? { flip: 3 } : null)
  const content = Buffer.from("these very bytes")
  await store.put(content, { key: "k" })
  await store.synced("k")
  expect(proxy.count("PutObject")).toBeGreaterThan(2)
  await expectGood(new Map([["k", content]]))
})

test("19: a server that shows a wrong ETag for right bytes is read back, and is believed then", async () => {
  const { store, proxy, services, expectGood } = await storeOnS3()
  const lie = {
    change: ({ headers }: { headers: Record<string, unknown> }) => {
      headers.etag = `"${"0".repeat(32)}"`
    },
  }
  proxy.fault = ({ operation }) => (operation === "HeadObject" ? lie : null)
  const content = Buffer.from("right all the same")
  await store.put(content, { key: "k" })
  await store.synced("k")
  expect(services.catalog.location("s3", "k")?.verified).toMatchObject({ by: "read-back" })
  await expectGood(new Map([["k", content]]))
})

test("19: a server that keeps other bytes than it was sent is never called synced, and they are removed", async () => {
  const { store, proxy, services, bucket, expectGood } = await storeOnS3()
  const content = Buffer.from("what was sent")
  const other = Buffer.from("what was kept")
  let puts = 0
  proxy.fault = async ({ operation, path }) => {
    if (operation !== "PutObject" || ++puts > 3) return null
    await bucket.client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: path.split("/").at(-1)!, Body: other }))
    return { answer: 200, headers: { etag: `"${createHash("md5").update(content).digest("hex")}"` } }
  }
  const errors: string[] = []
  services.bus.on("sync:complete", () => void (puts <= 3 && errors.push("synced")))
  await store.put(content, { key: "k" })
  await store.synced("k")
  expect(errors).toEqual([])
  expect(puts).toBeGreaterThan(3)
  expect(proxy.count("DeleteObject")).toBeGreaterThanOrEqual(3)
  await expectGood(new Map([["k", content]]))
})

test("20: a server that shows a write only after a while is looked at again, not written to again", async () => {
  const { store, proxy, expectGood } = await storeOnS3()
  let written = false
  let stale = 2
  proxy.fault = ({ operation }) => {
    if (operation === "PutObject") written = true
    if (operation !== "HeadObject" || !written || stale === 0) return null
    stale -= 1
    return { answer: 404 }
  }
  await store.put(Buffer.from("late to be seen"), { key: "k" })
  await store.synced("k")
  expect(proxy.count("PutObject")).toBe(1)
  expect(stale).toBe(0)
  await expectGood(new Map([["k", Buffer.from("late to be seen")]]))
})

test.each([
  ["the same bytes", "mine", null],
  ["other bytes", "theirs", null],
  ["other bytes over a copy of ours", "theirs", "mine before"],
])(
  "21: %s that appear again and again are neither overwritten unseen nor taken for ours",
  async (_what, theirs, before) => {
    const { store, proxy, bucket, services, expectGood } = await storeOnS3()
    if (before !== null) {
      await store.put(Buffer.from(before), { key: "k" })
      await store.synced("k")
    }
    proxy.forget()
    const outside = (Body: string) =>
      bucket.client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: "k", Body }))
    const conditions: string[] = []
    proxy.fault = async ({ operation, headers }) => {
      if (operation !== "PutObject") return null
      conditions.push(headers["if-match"] === undefined ? "none" : "match")
      // Before the write that is bound to nothing, and before the first that is bound to what was found instead.
      if (conditions.length <= 2) await outside(conditions.length === 1 ? theirs : "theirs again")
      return null
    }
    const codes = new Set<string>()
    await store.put(Buffer.from("mine"), { key: "k" })
    const watch = async (): Promise<void> => {
      for (let location = services.catalog.location("s3", "k"); location?.state !== "synced"; ) {
        if (location?.error) codes.add(location.error.code)
        await new Promise((next) => setImmediate(next))
        location = services.catalog.location("s3", "k")
      }
    }
    await Promise.all([watch(), store.synced("k")])
    expect(conditions[0]).toBe("none")
    if (theirs !== "mine") {
      expect(conditions).toContain("match")
      expect([...codes]).toEqual(["CONFLICT"])
    }
    proxy.fault = () => null
    await store.idle()
    await expectGood(new Map([["k", Buffer.from("mine")]]))
  },
)

test("25, 26: staged bytes that went bad are not written, and are reported", async () => {
  const { store, proxy, bucket, services, directory } = await storeOnS3()
  let damaged = false
  proxy.fault = ({ operation }) => (operation === "PutObject" && !damaged ? { answer: 503 } : null)
  const { id } = await store.put(bytesOf(3, 300_000), { key: "k" })
  const path = contentPath(layoutOf(join(directory, "staging")), id)
  const staged = await readFile(path)
  staged[150_000]! ^= 1
  await writeFile(path, staged)
  damaged = true
  await expect(store.synced("k")).rejects.toMatchObject({ code: expect.any(String) })
  expect(services.catalog.location("s3", "k")?.have ?? null).toBeNull()
  expect(await bucket.keys()).toEqual([])
})
