/**
 * A bucket of many keys, scanned by a process that is killed with -9 on the way, again and again: it goes on from the last page, asks for few pages again, and in the end the catalog is
 * what an independent listing says. `npm run fault -- --scan-s3 50000 [--kills 10] [--seed N]`
 */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3"
import { openStore } from "../../src/compose.ts"
import { makeBucket, type TestBucket } from "../s3-bucket.ts"
import { openS3Proxy } from "./s3-proxy.ts"
import { type ScanKills, underKills } from "./scan-loop.ts"

/** Keys that one answer of the server has. */
const PAGE = 1_000
const PUTS_AT_ONCE = 32

export interface ScanS3Killed {
  kills: number
  /** listings that were asked for, and those that there would be without kills */
  pages: number
  needed: number
  /** how many more may be: the page in which a process was killed; and what each asks before that: whether the bucket is there, and what is left of uploads, the first one what it can do */
  allowed: number
  /** bytes of the process that used most */
  memory: number
  seconds: number
  failures: string[]
}

export async function scanBucketUnderKills(options: ScanKills): Promise<ScanS3Killed> {
  const { directory, files, kills, random, say } = options
  const bucket = await makeBucket()
  const proxy = await openS3Proxy(bucket.server.endpoint)
  try {
    await fill(bucket, files)
    say(`${files} keys are there`)
    const log = join(directory, "read.log")
    await writeFile(log, "")
    const data = join(directory, "data")
    const settings = { ...bucket.config({ endpoint: proxy.endpoint }), scan: { every: "24h" } }
    proxy.forget()
    const report = async (): Promise<string> => `${proxy.count("ListObjects")} pages listed`
    const run = await underKills({ data, settings, log, files, kills, random, say, report })
    const pages = proxy.count("ListObjects")
    const failures = await faultsOf(data, bucket, files)
    const { killed, memory, seconds } = run
    return {
      kills: killed,
      pages,
      needed: Math.ceil(files / PAGE),
      allowed: killed + 2 * (killed + 1) + 1,
      memory,
      seconds,
      failures,
    }
  } finally {
    proxy.close()
    await bucket.remove()
  }
}

async function fill({ client, bucket: Bucket }: TestBucket, files: number): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < files) {
      const index = next++
      const Key = `folder-${index % 97}/key ${index}`
      await client.send(new PutObjectCommand({ Bucket, Key, Body: `content ${index}` }))
    }
  }
  await Promise.all(Array.from({ length: PUTS_AT_ONCE }, work))
}

/** What differs from a listing by another client. */
async function faultsOf(data: string, { client, bucket: Bucket }: TestBucket, files: number): Promise<string[]> {
  const listed = new Map<string, string>()
  for (let ContinuationToken: string | undefined, isFirst = true; isFirst || ContinuationToken; isFirst = false) {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket, ...(ContinuationToken && { ContinuationToken }) }),
    )
    for (const { Key = "", Size, ETag = "" } of page.Contents ?? [])
      listed.set(Key, `${Size} ${ETag.replaceAll('"', "")}`)
    ContinuationToken = page.NextContinuationToken
  }
  const failures = listed.size === files ? [] : [`${listed.size} keys are listed, ${files} were put`]
  const opened = await openStore({ data }, { work: false })
  try {
    for (const { key, seen, state } of opened.services.catalog.locations("photos")) {
      if (state === "synced" && `${seen?.size} ${seen?.etag}` === listed.get(key)) listed.delete(key)
      else failures.push(`"${key}" is not known as it is listed`)
    }
    for await (const { message } of opened.services.catalog.verify()) failures.push(message)
  } finally {
    await opened.store.close()
  }
  for (const key of listed.keys()) failures.push(`"${key}" is not known`)
  return failures.slice(0, 20)
}
