/**
 * One huge object to a real bucket and back, with the memory of those who carry it looked at from outside: put over HTTP, sent in parts by a worker process,
 * read by a client that knows nothing of StoreD, dropped from staging, and read through the server again.
 */
import { createHash, type Hash, randomBytes } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { request } from "node:http"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { GetObjectCommand } from "@aws-sdk/client-s3"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { watchMemory } from "../process-memory.ts"
import { freePort, startOwnRedis } from "../redis-server.ts"
import { makeBucket, type TestBucket } from "../s3-bucket.ts"
import { objectPath, ServerProcess } from "./kill-server.ts"
import { WorkerProcess } from "./pool-host.ts"

export interface S3LargeOptions {
  /** of the object */
  bytes: number
  /** an empty directory with room for the bytes once, or twice where the temporary copy of the read lies there too */
  directory: string
  say?(line: string): void
}

/** MiB of a process's own memory, and how long it took */
export interface Passage {
  before: number
  peak: number
  growth: number
  seconds: number
}

export interface S3LargeReport {
  /** of the worker, from when it has carried one small object until the large one is proven */
  up: Passage
  /** of the server, while the object is put */
  put: Passage
  /** of the server, from when it has read one small object back until the large one has come */
  down: Passage
  failures: string[]
}

const TOKEN = "a-token-of-the-large-object"
const MIB = 2 ** 20
const PIECE = 4 * MIB
const KEY = "large"
const SMALL = "small"

export async function runS3Large({ bytes, directory, say = () => {} }: S3LargeOptions): Promise<S3LargeReport> {
  // Ceph of the tests keeps everything in memory, and parts for a moment after they have become one.
  process.env.STORED_TEST_S3_BYTES ??= String(2 ** 32 + Math.ceil(bytes * 1.25))
  const [redis, bucket] = [await startOwnRedis(), await makeBucket()]
  const port = await freePort()
  const server = ServerProcess.start(await prepare(directory, bucket, port, redis.url))
  const worker = WorkerProcess.here({ server: port, redis: redis.port }, TOKEN)
  const failures: string[] = []
  try {
    await server.ready()
    worker.start()
    await server.send("PUT", objectPath(SMALL), Buffer.from("small"))
    await untilSynced(server, SMALL)
    const upward = watchMemory(worker.pid)
    const upBefore = upward.peaks().own
    const begun = performance.now()
    const putting = watched(server.pid)
    const digest = await put(port, bytes)
    const put_ = putting()
    say(`put in ${put_.seconds} s: the server grew from ${put_.before} to ${put_.peak} MiB`)
    await untilSynced(server, KEY)
    const up = passage(upBefore, upward.peaks().own, begun)
    upward.end()
    say(`proven after ${up.seconds} s: the worker grew from ${up.before} to ${up.peak} MiB`)
    if ((await digestOf(bucket)) !== digest) failures.push("the bucket holds other bytes than were put")
    if ((await bucket.uploads()).length > 0) failures.push("an upload in parts is left")
    await clear(server)
    await get(port, SMALL)
    const reading = watched(server.pid)
    const read = await get(port, KEY)
    const down = reading()
    say(`read in ${down.seconds} s: the server grew from ${down.before} to ${down.peak} MiB`)
    if (read !== digest) failures.push("other bytes were read than were put")
    if (await worker.kill("SIGTERM")) failures.push(`the worker did not end in order: ${worker.output}`)
    if (await server.stop()) failures.push(`the server did not end in order: ${server.output}`)
    return { up, put: put_, down, failures }
  } finally {
    await worker.kill()
    await server.kill()
    await redis.stop()
    await bucket.remove()
  }
}

async function prepare(
  directory: string,
  bucket: TestBucket,
  port: number,
  redis: string,
): Promise<Record<string, string>> {
  const data = join(directory, "data")
  await mkdir(data)
  const settings: StoreConfigInput = { backends: { s3: bucket.config() }, defaultBackends: ["s3"] }
  const path = join(directory, "config.json")
  await writeFile(path, JSON.stringify(settings))
  return {
    STORED_DATA: data,
    STORED_CONFIG: path,
    STORED_PORT: String(port),
    REDIS_URL: redis,
    STORED_WORKER_TOKEN: TOKEN,
  }
}

/** What a process has grown by since now, told when asked. */
function watched(pid: number): () => Passage {
  const memory = watchMemory(pid)
  const before = memory.peaks().own
  const begun = performance.now()
  return () => {
    memory.end()
    return passage(before, memory.peaks().own, begun)
  }
}

function passage(before: number, peak: number, begun: number): Passage {
  return { before, peak, growth: peak - before, seconds: Math.round((performance.now() - begun) / 100) / 10 }
}

/** Streams that many bytes, of which no two pieces are alike, into an object; their SHA-256 in hex. */
async function put(port: number, bytes: number): Promise<string> {
  const hash = createHash("sha256")
  const sending = request({
    host: "127.0.0.1",
    port,
    method: "PUT",
    path: objectPath(KEY),
    headers: { "content-length": bytes },
  })
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  sending.once("response", (answer) => resolve(answer.resume().statusCode ?? 0)).once("error", reject)
  await Promise.all([pipeline(Readable.from(pieces(bytes, hash), { objectMode: false }), sending), promise])
  const status = await promise
  if (status >= 300) throw new Error(`the put was answered with ${status}`)
  return hash.digest("hex")
}

function* pieces(bytes: number, hash: Hash): Generator<Buffer> {
  const noise = randomBytes(PIECE)
  for (let at = 0; at < bytes; at += PIECE) {
    const piece = Buffer.from(noise.subarray(0, Math.min(PIECE, bytes - at)))
    piece.writeUIntBE(at, 0, 6)
    hash.update(piece)
    yield piece
  }
}

async function get(port: number, key: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  request({ host: "127.0.0.1", port, path: objectPath(key) }, (answer) => {
    const hash = createHash("sha256")
    pipeline(answer, hash).then(() => resolve(hash.digest("hex")), reject)
  })
    .once("error", reject)
    .end()
  return promise
}

async function digestOf({ client, bucket }: TestBucket): Promise<string> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: KEY }))
  const hash = createHash("sha256")
  await pipeline(Body as Readable, hash)
  return hash.digest("hex")
}

async function untilSynced(server: ServerProcess, key: string): Promise<void> {
  for (;;) {
    const answer = await server.send("GET", `/v1/synced/${key}?wait=60000`)
    if (answer.status === 200) return
    if (answer.status !== 202) throw new Error(`${key} is not carried: ${answer.status} ${answer.body.toString()}`)
  }
}

/** Both have their copies: staging lets both go. */
async function clear(server: ServerProcess): Promise<void> {
  const answer = await server.send("POST", "/v1/cache/clear")
  const { evicted } = JSON.parse(answer.body.toString()) as { evicted?: number }
  if (evicted !== 2) throw new Error(`staging still has something: ${answer.body.toString()}`)
}
