/** Buckets that exist already are indexed by their listing, and their content gets ids once it is read (R12). */
import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3"
import { expect, it, onTestFinished } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { makeBucket, type TestBucket } from "../s3-bucket.ts"
import { openTestStore } from "./open-store.ts"
import { scanned } from "./scan-steps.ts"

async function openBucket(
  scan: object = {},
): Promise<OpenedStore & { bucket: TestBucket; put(key: string, content: string): Promise<void> }> {
  const bucket = await makeBucket()
  onTestFinished(() => bucket.remove())
  const put = async (key: string, content: string): Promise<void> => {
    await bucket.client.send(new PutObjectCommand({ Bucket: bucket.bucket, Key: key, Body: content }))
  }
  const opened = await openTestStore({
    backends: {
      s3: { ...bucket.config(), scan: { prefix: "s3/", every: "off", ...scan } },
      m: { driver: "memory" },
    },
    defaultBackends: ["m"],
  })
  return { ...opened, bucket, put }
}

it("a bucket is browsable, and gives what it holds", async () => {
  const opened = await openBucket()
  const { store, services, put } = opened
  await put("a b/c+d", "one")
  await put("e", "two")
  await scanned(opened, "s3")
  const listed = []
  for await (const { key, size, checksum } of store.list()) listed.push({ key, size, kind: checksum.split(":")[0] })
  expect(listed).toEqual([
    { key: "s3/a b/c+d", size: 3, kind: "etag" },
    { key: "s3/e", size: 3, kind: "etag" },
  ])
  expect((await store.get("s3/a b/c+d")).toString()).toBe("one")
  expect((await store.stat("s3/a b/c+d"))?.id).toBe(idOf("one"))
  const before = services.catalog.lastSequence()
  await scanned(opened, "s3")
  const told = [...services.catalog.journal({ after: before })].filter(({ key }) => key !== null)
  expect(told).toEqual([])
})

it("content is read where that is asked for, and only what is not known", async () => {
  const opened = await openBucket()
  const { store, put } = opened
  await put("a", "one")
  await scanned(opened, "s3")
  await put("b", "two")
  await scanned(opened, "s3", { hash: true })
  expect((await store.stat("s3/a"))?.id).toBe(idOf("one"))
  expect((await store.stat("s3/b"))?.id).toBe(idOf("two"))
})

it("follows what others write and delete there", async () => {
  const opened = await openBucket({ hash: true })
  const { store, bucket, put } = opened
  await put("changes", "before")
  await put("goes", "gone")
  await put("stays", "stays")
  await scanned(opened, "s3")
  await put("changes", "afterwards")
  await bucket.client.send(new DeleteObjectCommand({ Bucket: bucket.bucket, Key: "goes" }))
  await scanned(opened, "s3")
  expect(await store.stat("s3/changes")).toMatchObject({ id: idOf("afterwards"), version: 2, state: "ACTIVE" })
  expect(await store.stat("s3/goes")).toMatchObject({ id: idOf("gone"), state: "MISSING" })
  expect(await store.stat("s3/stays")).toMatchObject({ version: 1, state: "ACTIVE" })
})

it("what we wrote there ourselves is known", async () => {
  const opened = await openBucket({ hash: true })
  const { store, services } = opened
  await store.put(Buffer.from("ours"), { key: "ours", backends: ["s3"] })
  await store.synced("ours")
  const before = services.catalog.lastSequence()
  await scanned(opened, "s3")
  expect([...services.catalog.journal({ after: before })].filter(({ key }) => key !== null)).toEqual([])
  expect(store.scanStatus("s3")).toMatchObject({ files: 1, added: 0 })
})
