/** A bucket for one test, its backend, and what an independent client sees of it. */
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from "@aws-sdk/client-s3"
import type { S3Config } from "../src/backends/s3.ts"
import { bucketName, plainClient, type S3Server, s3Server } from "./s3-server.ts"

export interface TestBucket {
  server: S3Server
  bucket: string
  client: S3Client
  /** settings of a backend on it */
  config(more?: Partial<S3Config>): S3Config
  /** every object key, the driver's own too */
  keys(prefix?: string): Promise<string[]>
  /** uploads in parts that have not ended */
  uploads(): Promise<{ key: string; id: string }[]>
  /** removes it with everything in it */
  remove(): Promise<void>
}

export async function makeBucket(): Promise<TestBucket> {
  const server = await s3Server()
  const client = plainClient(server)
  const bucket = bucketName()
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const keys = async (prefix = ""): Promise<string[]> => {
    const found: string[] = []
    let token: string | undefined
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ...(token && { ContinuationToken: token }) }),
      )
      found.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ""))
      token = page.NextContinuationToken
    } while (token)
    return found
  }
  const uploads = async () => {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    return Uploads.map(({ Key = "", UploadId = "" }) => ({ key: Key, id: UploadId }))
  }
  const remove = async (): Promise<void> => {
    for (const { key, id } of await uploads()) {
      await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: id }))
    }
    const left = await keys()
    const named = left.filter((key) => !/[\u0000-\u001f\ufffe\uffff]/.test(key))
    // XML, in which many are named, has no such characters.
    for (const Key of left.filter((key) => !named.includes(key))) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }))
    }
    for (; named.length > 0; named.splice(0, 1000)) {
      const Objects = named.slice(0, 1000).map((Key) => ({ Key }))
      await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }))
    }
    await client.send(new DeleteBucketCommand({ Bucket: bucket }))
    client.destroy()
  }
  const config = (more: Partial<S3Config> = {}): S3Config => ({
    driver: "s3",
    bucket,
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    ...more,
  })
  return { server, bucket, client, config, keys, uploads, remove }
}
