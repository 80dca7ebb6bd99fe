/** A store whose one backend is a bucket behind a proxy that makes it fail, and an independent look at that bucket at the end. */
import { createHash } from "node:crypto"
import { GetObjectCommand } from "@aws-sdk/client-s3"
import { expect, onTestFinished } from "vitest"
import { type S3Abilities, UNKNOWN_ABILITIES } from "../../src/backends/s3/abilities.ts"
import { S3Backend, type S3Config } from "../../src/backends/s3.ts"
import type { CreateStoreOptions, OpenedStore } from "../../src/compose.ts"
import { openTestStore } from "../flow/open-store.ts"
import { makeBucket, type TestBucket } from "../s3-bucket.ts"
import { openS3Proxy, type S3Proxy } from "./s3-proxy.ts"
import { expectHealthy } from "./store-harness.ts"

/** What the Ceph of the tests can do. */
export const CEPH: S3Abilities = {
  ...UNKNOWN_ABILITIES,
  etag: "md5",
  partsEtag: "md5",
  ifAbsent: true,
  ifMatch: "bare",
  copies: "unbound",
  versioning: "off",
}

export const MIB = 2 ** 20

/** Retries at once: what is tested is what happens, not how long it is waited. */
const QUICK: CreateStoreOptions = {
  retry: { baseDelay: 5, maxDelay: 20, maxAttempts: 30 },
  breaker: { threshold: 1000, pause: 5, maxPause: 20 },
}

export interface StoreOnS3 extends OpenedStore {
  directory: string
  bucket: TestBucket
  proxy: S3Proxy
  config: S3Config
  /** the doctor finds nothing, every object has its bytes in the bucket, and nothing else is there */
  expectGood(contents: ReadonlyMap<string, Buffer>): Promise<void>
}

/** @param nature how the server is at all times, also when it is asked what it can do */
export async function storeOnS3(
  more: Partial<S3Config> = {},
  options: CreateStoreOptions = {},
  nature: S3Proxy["fault"] = () => null,
): Promise<StoreOnS3> {
  const { bucket, proxy, config } = await bucketBehindProxy(more)
  proxy.fault = nature
  const opened = await openTestStore({ backends: { s3: config } }, { ...QUICK, ...options })
  // What the opening asked, to find out what the server can do.
  proxy.forget()
  const expectGood = async (contents: ReadonlyMap<string, Buffer>): Promise<void> => {
    proxy.fault = nature
    await expectHealthy(opened)
    for (const [key, content] of contents) {
      const location = opened.services.catalog.location("s3", key)
      expect(location, key).toMatchObject({ state: "synced" })
      expect(await hashOf(bucket, key), key).toBe(createHash("sha256").update(content).digest("hex"))
    }
    // A note whose removal failed is garbage, and gone within one sweep (I9).
    const { backend } = opened.services.backends.get("s3")
    if (backend instanceof S3Backend) expect(await backend.sweep()).toBe(0)
    expect(await bucket.keys()).toEqual([...contents.keys()].sort())
    expect(await bucket.uploads()).toEqual([])
  }
  return { ...opened, bucket, proxy, config, expectGood }
}

export async function bucketBehindProxy(
  more: Partial<S3Config> = {},
): Promise<{ bucket: TestBucket; proxy: S3Proxy; config: S3Config }> {
  const bucket = await makeBucket()
  onTestFinished(() => bucket.remove())
  const proxy = await openS3Proxy(bucket.server.endpoint)
  onTestFinished(() => proxy.close())
  const config = bucket.config({
    endpoint: proxy.endpoint,
    partSize: 5 * MIB,
    multipartAbove: 5 * MIB,
    concurrency: 4,
    ...more,
  })
  return { bucket, proxy, config }
}

/** SHA-256 in hex of an object, read by a client that knows nothing of StoreD. */
export async function hashOf({ client, bucket }: TestBucket, key: string): Promise<string> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
  const bytes = await Body?.transformToByteArray()
  return createHash("sha256")
    .update(bytes ?? "")
    .digest("hex")
}
