/** Row 5: uploads in parts that are broken off. They are gone on with, ended when something else takes their place, swept when nobody comes; others' stay. */
import { type ChildProcess, spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { CreateMultipartUploadCommand, UploadPartCommand } from "@aws-sdk/client-s3"
import { expect, onTestFinished, test } from "vitest"
import { S3Backend } from "../../src/backends/s3.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import type { BlobSource } from "../../src/core/blob-source.ts"
import { bytes, pattern, streamed } from "../contract/backend/harness.ts"
import { temporaryDirectory } from "../flow/open-store.ts"
import type { Fault, S3Proxy } from "./s3-proxy.ts"
import { bucketBehindProxy, CEPH, hashOf, MIB } from "./s3-store.ts"

const hashers = await createHashers()
const CONTENT = pattern(22 * MIB)
const CHECKSUM = { algorithm: "sha256" as const, hex: sha256(CONTENT) }
const OTHER = pattern(22 * MIB, 5)

function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex")
}

/** Holds back every part from that number on; resolves once that many were asked for. */
function holdFrom(proxy: S3Proxy, number: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let asked = 0
  const fault = ({ operation, part }: { operation: string; part: number | null }): Fault | null => {
    if (operation !== "UploadPart") return null
    asked += 1
    if (asked >= number) resolve()
    return (part ?? 0) >= number ? "stall" : null
  }
  proxy.fault = fault
  return promise
}

async function openBackend(config: ConstructorParameters<typeof S3Backend>[0]): Promise<S3Backend> {
  const backend = new S3Backend(config, { hashers, knownAbilities: CEPH })
  await backend.open()
  onTestFinished(() => backend.close())
  return backend
}

function partsSent(proxy: S3Proxy): number[] {
  return proxy.seen.flatMap(({ operation, part }) => (operation === "UploadPart" && part !== null ? [part] : [])).sort()
}

/** A put of five parts that is broken off: the first two may be there, the others are not. */
async function brokenOff(backend: S3Backend, proxy: S3Proxy, source: BlobSource): Promise<void> {
  const control = new AbortController()
  const reached = holdFrom(proxy, 3)
  const putting = backend.put("large", source, { signal: control.signal, checksum: CHECKSUM })
  putting.catch(() => {})
  await reached
  control.abort()
  await expect(putting).rejects.toMatchObject({ code: "ABORTED" })
  proxy.fault = () => null
  proxy.forget()
}

test("a process that is killed in the midst is gone on with: no part is sent twice, nothing is left behind", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy()
  const path = join(await temporaryDirectory(), "content")
  await writeFile(path, CONTENT)
  const start = (): ChildProcess =>
    spawn(
      process.execPath,
      [
        join(import.meta.dirname, "s3-child.ts"),
        JSON.stringify(config),
        JSON.stringify(CEPH),
        "large",
        path,
        CHECKSUM.hex,
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    )
  const done: number[] = []
  const { promise: two, resolve } = Promise.withResolvers<void>()
  proxy.fault = ({ operation, part }) => {
    if (operation !== "UploadPart" || part === null) return null
    if (part > 2) return "stall"
    return {
      change: ({ status }) => {
        if (status === 200) done.push(part)
        if (done.length === 2) resolve()
      },
    }
  }
  const first = start()
  await two
  first.kill("SIGKILL")
  await once(first, "exit")
  expect(await bucket.uploads()).toHaveLength(1)
  expect(await bucket.keys()).toHaveLength(1)

  proxy.fault = () => null
  proxy.forget()
  const second = start()
  const [code] = await once(second, "exit")
  expect(code).toBe(0)
  expect(partsSent(proxy)).toEqual([3, 4, 5])
  expect(await hashOf(bucket, "large")).toBe(CHECKSUM.hex)
  expect(await bucket.keys()).toEqual(["large"])
  expect(await bucket.uploads()).toEqual([])
})

test("parts that the server has otherwise than they should be are sent again", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy()
  const backend = await openBackend(config)
  await brokenOff(backend, proxy, bytes(CONTENT))
  const [upload] = await bucket.uploads()
  await bucket.client.send(
    new UploadPartCommand({
      Bucket: bucket.bucket,
      Key: "large",
      UploadId: upload!.id,
      PartNumber: 1,
      Body: OTHER.subarray(0, 5 * MIB),
    }),
  )
  await backend.put("large", bytes(CONTENT), { checksum: CHECKSUM })
  expect(partsSent(proxy)).toContain(1)
  expect(await hashOf(bucket, "large")).toBe(CHECKSUM.hex)
  expect(await bucket.uploads()).toEqual([])
})

const superseded: [string, (backend: S3Backend) => Promise<unknown>][] = [
  [
    "another large content",
    (backend) => backend.put("large", bytes(OTHER), { checksum: { algorithm: "sha256", hex: sha256(OTHER) } }),
  ],
  ["a large content that nobody knows", (backend) => backend.put("large", streamed(OTHER, OTHER.length))],
  ["a small content", (backend) => backend.put("large", bytes(Buffer.from("small")))],
  ["a delete", (backend) => backend.delete("large")],
  ["a delete of many", (backend) => backend.deleteMany(["other", "large"])],
]
test.each(superseded)("%s ends an unfinished upload, also one of a process that is gone", async (_what, supersede) => {
  const { bucket, proxy, config } = await bucketBehindProxy()
  const first = await openBackend(config)
  await brokenOff(first, proxy, bytes(CONTENT))
  await first.close()
  const second = await openBackend(config)
  await second.sweep()
  expect(await bucket.uploads()).toHaveLength(1)
  await supersede(second)
  expect(await bucket.uploads()).toEqual([])
  expect((await bucket.keys()).filter((key) => key.startsWith(".stored-tmp/"))).toEqual([])
})

test("what fails for good leaves nothing behind: a source too short, other bytes than declared, a refusal", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy()
  const backend = await openBackend(config)
  const short = streamed(CONTENT.subarray(0, 20 * MIB), CONTENT.length)
  await expect(backend.put("large", short, { checksum: CHECKSUM })).rejects.toMatchObject({ code: "SIZE_MISMATCH" })
  await expect(backend.put("large", bytes(OTHER), { checksum: CHECKSUM })).rejects.toMatchObject({
    code: "CHECKSUM_MISMATCH",
    retryable: true,
  })
  proxy.fault = ({ operation, part }) => (operation === "UploadPart" && part === 3 ? { answer: 403 } : null)
  await expect(backend.put("large", bytes(CONTENT), { checksum: CHECKSUM })).rejects.toMatchObject({
    code: "PERMISSION_DENIED",
    retryable: false,
  })
  expect(proxy.count("AbortMultipartUpload")).toBe(3)
  expect(await bucket.uploads()).toEqual([])
  expect(await bucket.keys()).toEqual([])
})

test("the sweep ends old uploads of its own, one that was never noted too, and nobody else's", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy({ prefix: "ours" })
  const begin = (Key: string) => bucket.client.send(new CreateMultipartUploadCommand({ Bucket: bucket.bucket, Key }))
  await begin("elsewhere")
  await begin("ours/theirs")
  await begin("ours/large")
  const backend = await openBackend(config)
  // Whole seconds are all that some clocks of servers tell; the others' upload of this very key began in one before.
  await new Promise((next) => setTimeout(next, 1100))
  await brokenOff(backend, proxy, bytes(CONTENT))
  // The second upload dies between its beginning and the note of its id.
  proxy.fault = ({ operation, nth }) => (operation === "PUT note" && nth === 2 ? { answer: 403 } : null)
  const crashed = backend.put("unnoted", bytes(CONTENT), { checksum: CHECKSUM })
  await expect(crashed).rejects.toMatchObject({ code: "PERMISSION_DENIED" })
  proxy.fault = () => null
  expect((await bucket.uploads()).map(({ key }) => key).sort()).toEqual([
    "elsewhere",
    "ours/large",
    "ours/large",
    "ours/theirs",
    "ours/unnoted",
  ])
  expect(await backend.sweep({ olderThan: 3_600_000 })).toBe(0)
  expect(await backend.sweep({ olderThan: -3_600_000 })).toBe(2)
  expect((await bucket.uploads()).map(({ key }) => key).sort()).toEqual(["elsewhere", "ours/large", "ours/theirs"])
  expect(await bucket.keys()).toEqual([])
})

test("a part that fails a few times does not fail the whole, unless the server asks to come again later", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy()
  const backend = await openBackend(config)
  const tries = new Map<number, number>()
  proxy.fault = ({ operation, part }) => {
    if (operation !== "UploadPart" || part === null) return null
    const nth = (tries.get(part) ?? 0) + 1
    tries.set(part, nth)
    return nth <= 2 ? { answer: 500 } : null
  }
  await backend.put("large", bytes(CONTENT), { checksum: CHECKSUM })
  expect([...tries.values()]).toEqual([3, 3, 3, 3, 3])
  expect(await hashOf(bucket, "large")).toBe(CHECKSUM.hex)
  proxy.forget()
  proxy.fault = ({ operation, part }) =>
    operation === "UploadPart" && part === 2 ? { answer: 503, headers: { "retry-after": "9" } } : null
  await expect(backend.put("large", bytes(OTHER))).rejects.toMatchObject({ details: { retryAfter: 9000 } })
  expect(partsSent(proxy).filter((part) => part === 2)).toHaveLength(1)
  expect(await bucket.uploads()).toHaveLength(1)
})

test("a note whose upload has ended goes with the next sweep", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy()
  const backend = await openBackend(config)
  proxy.fault = ({ operation }) => (operation === "DELETE note" ? { answer: 503 } : null)
  await backend.put("large", bytes(CONTENT), { checksum: CHECKSUM })
  proxy.fault = () => null
  expect(await bucket.keys()).toHaveLength(2)
  expect(await backend.sweep()).toBe(0)
  expect(await bucket.keys()).toEqual(["large"])
})

test("an upload whose place another process took meanwhile goes with the next sweep", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy()
  const other = await openBackend(config)
  await other.sweep()
  const killed = await openBackend(config)
  await brokenOff(killed, proxy, bytes(CONTENT))
  // Times of objects are whole seconds.
  await new Promise((next) => setTimeout(next, 1100))
  await other.put("large", bytes(Buffer.from("small")))
  expect(await bucket.uploads()).toHaveLength(1)
  expect(await other.sweep()).toBe(1)
  expect(await bucket.uploads()).toEqual([])
  expect(await bucket.keys()).toEqual(["large"])
})

test("memory for parts is bounded over all uploads together", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy({ partsAtOnce: 2 })
  const backend = await openBackend(config)
  let now = 0
  let most = 0
  proxy.fault = ({ operation }) => {
    if (operation !== "UploadPart") return null
    now += 1
    most = Math.max(most, now)
    return {
      change: () => {
        now -= 1
      },
    }
  }
  const whole = CONTENT.subarray(0, 20 * MIB)
  const keys = ["a", "b", "c"]
  await Promise.all(keys.map((key) => backend.put(key, streamed(whole, whole.length))))
  expect(most).toBe(2)
  for (const key of keys) expect(await hashOf(bucket, key)).toBe(sha256(whole))
  expect(await bucket.uploads()).toEqual([])
})

test("an upload whose beginning was not answered is ended by the next attempt", async () => {
  const { bucket, proxy, config } = await bucketBehindProxy()
  const backend = await openBackend(config)
  let lost = 0
  proxy.fault = ({ operation }) => {
    if (operation !== "CreateMultipartUpload" || lost > 0) return null
    lost += 1
    return "lose-answer"
  }
  await expect(backend.put("large", bytes(CONTENT), { checksum: CHECKSUM })).rejects.toMatchObject({ retryable: true })
  expect(await bucket.uploads()).toHaveLength(1)
  await backend.put("large", bytes(CONTENT), { checksum: CHECKSUM })
  expect(await hashOf(bucket, "large")).toBe(CHECKSUM.hex)
  expect(await bucket.uploads()).toEqual([])
  expect(await bucket.keys()).toEqual(["large"])
})
