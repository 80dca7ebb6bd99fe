/**
 * Many blobs into a real bucket on bad days: so many are put, each once, some of them large enough for parts, and carried by worker processes that are killed
 * again and again, over a way on which a share of all requests fails in every manner at all times. Then every copy is there, proven, and equal by rclone's own reading;
 * no upload in parts is left; and the doctor is clean.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { S3Config } from "../../src/backends/s3.ts"
import { S3Backend } from "../../src/backends/s3.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { freePort, startOwnRedis } from "../redis-server.ts"
import { makeBucket, type TestBucket } from "../s3-bucket.ts"
import { digestsOf } from "../s3-digests.ts"
import type { World } from "./kill-client.ts"
import { consultDoctor } from "./kill-doctor.ts"
import { SeededRandom } from "./kill-random.ts"
import { ServerProcess } from "./kill-server.ts"
import { WorkerProcess } from "./pool-host.ts"
import { type FaultMix, faultMix } from "./s3-fault-mix.ts"
import { putAll, untilProven } from "./s3-loop-load.ts"
import { openS3Proxy } from "./s3-proxy.ts"

export interface S3LoopOptions {
  blobs: number
  seed: number
  /** an empty directory; stays */
  directory: string
  /** of all requests, that fail; absent: 0.3 */
  faults?: number
  /** requests between two kills of a worker, half of them more or less; absent: 75. Not ms: a slow machine would kill faster than it works */
  every?: number
  say?(line: string): void
}

export interface S3LoopReport {
  kills: number
  /** how many of the blobs went in parts */
  large: number
  requests: number
  /** kind of fault → how many requests met it */
  faults: Record<string, number>
  /** jobs that had used up their tries and were put back to work */
  revived: number
  /** uploads in parts, and notes about them, that were there when everything was proven and before anybody swept */
  unswept: { uploads: number; notes: number }
  failures: string[]
  /** from the first put until everything was proven */
  seconds: number
}

const WORKERS = 4
/** ms after which the jobs of a killed worker are others' */
const LOCK = 5_000
const TOKEN = "a-token-of-the-s3-loop"
const MIB = 2 ** 20
const FORGET_EVERY = 5_000

export async function runS3Loop(options: S3LoopOptions): Promise<S3LoopReport> {
  const { blobs, directory, say = () => {}, faults = 0.3, every = 75 } = options
  const random = new SeededRandom(options.seed)
  const mix = faultMix(faults, random.fork())
  const failures: string[] = []
  const [redis, bucket] = [await startOwnRedis(), await makeBucket()]
  const proxy = await openS3Proxy(bucket.server.endpoint)
  const ports = { server: await freePort(), redis: redis.port }
  const s3 = settingsOf(bucket, proxy.endpoint)
  const { store, environment } = await prepare(directory, s3, ports.server, redis.url)
  // Half of what a start takes is the reading of programs.
  const how = { NODE_COMPILE_CACHE: join(directory, "programs"), STORED_WORKER_LOCK: String(LOCK) }
  const workers = Array.from({ length: WORKERS }, () => WorkerProcess.here(ports, TOKEN, how))
  const over = new AbortController()
  const server = ServerProcess.start(environment)
  try {
    // What a server can do is found out on a good day.
    await server.ready()
    proxy.fault = (request) => {
      if (proxy.seen.length >= FORGET_EVERY) proxy.forget()
      return mix.fault(request)
    }
    for (const worker of workers) worker.start()
    const begun = performance.now()
    const killing = killWorkers(workers, mix, every, random.fork(), over.signal)
    const load = await putAll(blobs, options.seed, random.fork(), server)
    say(`${blobs} puts acknowledged after ${seconds(begun)} s`)
    const { revived, fault } = await untilProven(server, blobs, say)
    const taken = seconds(begun)
    if (fault) failures.push(fault, ...workers.map(({ output }) => `a worker said: ${output}`))
    over.abort()
    const kills = await killing
    proxy.fault = () => null
    const unswept = { uploads: (await bucket.uploads()).length, notes: (await bucket.keys(".stored-tmp/")).length }
    await Promise.all(workers.map((worker) => worker.begun()))
    const codes = await Promise.all(workers.map((worker) => worker.kill("SIGTERM")))
    if (codes.some((code) => code !== 0)) failures.push(`workers ended by SIGTERM with ${codes.join(", ")}`)
    await server.stop()
    await sweep(s3)
    failures.push(...(await compare(bucket, load.digests)))
    await consultDoctor(store, { failures } as World, kills)
    return {
      kills,
      large: load.large,
      requests: mix.requests,
      faults: toSorted(mix),
      revived,
      unswept,
      failures,
      seconds: taken,
    }
  } finally {
    over.abort()
    await Promise.all(workers.map((worker) => worker.kill()))
    await server.kill()
    await redis.stop()
    proxy.close()
    await bucket.remove()
  }
}

function settingsOf(bucket: TestBucket, endpoint: string): S3Config {
  const timeouts = { connect: 2_000, answer: 2_000, idle: 2_000 }
  return bucket.config({ endpoint, partSize: 5 * MIB, multipartAbove: 5 * MIB, timeouts })
}

async function prepare(
  directory: string,
  s3: S3Config,
  port: number,
  redis: string,
): Promise<{ store: StoreConfigInput; environment: Record<string, string> }> {
  const data = join(directory, "data")
  await mkdir(data)
  const settings: StoreConfigInput = { backends: { s3 }, defaultBackends: ["s3"] }
  const path = join(directory, "config.json")
  await writeFile(path, JSON.stringify(settings))
  const environment = {
    STORED_DATA: data,
    STORED_CONFIG: path,
    STORED_PORT: String(port),
    REDIS_URL: redis,
    STORED_WORKER_TOKEN: TOKEN,
  }
  return { store: { ...settings, data }, environment }
}

/** Kills that which has lived longest, after some requests of all of them; how many in all. */
async function killWorkers(
  workers: WorkerProcess[],
  mix: FaultMix,
  every: number,
  random: SeededRandom,
  signal: AbortSignal,
): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    await mix.reaches(mix.requests + every / 2 + random.below(every), signal)
    if (signal.aborted) return kills
    const oldest = workers[kills % workers.length]
    await oldest?.kill()
    oldest?.start()
  }
}

/** As every opening and half an hour of use does. */
async function sweep(s3: S3Config): Promise<void> {
  const backend = new S3Backend(s3, { hashers: await createHashers() })
  await backend.open()
  try {
    await backend.sweep()
  } finally {
    await backend.close()
  }
}

/** The bucket holds these contents under these keys, nothing else, and no upload that has not ended. */
async function compare(bucket: TestBucket, digests: ReadonlyMap<string, string>): Promise<string[]> {
  const found = await digestsOf(bucket)
  const wrong = [...digests].filter(([key, digest]) => found.get(key) !== digest).map(([key]) => key)
  const extra = [...found.keys()].filter((key) => !digests.has(key))
  const uploads = await bucket.uploads()
  return [
    ...(wrong.length > 0
      ? [`${wrong.length} of ${digests.size} copies that are synced are missing or wrong: ${wrong.slice(0, 5)}`]
      : []),
    ...(extra.length > 0 ? [`${extra.length} objects are there that nobody put: ${extra.slice(0, 5)}`] : []),
    ...(uploads.length > 0
      ? [`${uploads.length} uploads in parts are left: ${uploads.slice(0, 5).map(({ key }) => key)}`]
      : []),
  ]
}

function toSorted({ counts }: FaultMix): Record<string, number> {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a))
}

function seconds(begun: number): number {
  return Math.round((performance.now() - begun) / 100) / 10
}
