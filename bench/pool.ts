/**
 * The pool: sync jobs through Redis, a worker process, the server and back into the catalog, beside bare BullMQ jobs with the same payload on the same Redis.
 * Everything waits before the first worker begins, so that what is measured is the way of the jobs and not that of the puts.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Queue } from "bullmq"
import { Redis } from "ioredis"
import { isInstalled } from "./command.ts"
import { type Contender, inFlight, interleave, type Measured, ratio, type Sample, timed } from "./measure.ts"
import { putLatency } from "./pool-put.ts"
import { commands, openServer, startRedis } from "./pool-server.ts"
import type { Bench, Claim, Section, Subject } from "./subject.ts"

const CONCURRENCY = 32
const BARE = "bare BullMQ job that does nothing"
const BARE_WRITE = "bare BullMQ job that writes, syncs and reads back a file"
const OURS = "StoreD sync job, one worker"
const OURS_TWO = "StoreD sync job, two workers"
const HASH_ONE = "StoreD hashing, one worker with one job at a time"
const HASH_TWO = "StoreD hashing, two such workers"
const BARE_WORKER = fileURLToPath(new URL("pool-bare-worker.ts", import.meta.url))

export const pool: Subject = {
  name: "pool",
  about: "sync jobs through Redis and worker processes, beside bare BullMQ jobs",
  measure: async (bench: Bench): Promise<Section[]> => {
    if (!(await isInstalled("redis-server"))) throw new Error("redis-server is needed for the pool: install it.")
    const redis = await startRedis(bench.directory)
    try {
      const { url } = redis
      return [await throughput(bench, url), await latency(bench, url), await putLatency(bench, url)]
    } finally {
      await redis.stop()
    }
  },
}

async function throughput(bench: Bench, url: string): Promise<Section> {
  const jobs = bench.quick ? 200 : 3000
  const files = bench.quick ? 4 : 24
  let turn = 0
  const next = async (): Promise<string> => {
    const directory = join(bench.directory, `pool-${turn++}`)
    await mkdir(directory)
    return directory
  }
  const contenders: Contender[] = [
    { name: BARE, unit: "calls/s", run: () => bare(url, `bare${turn++}`, jobs) },
    { name: BARE_WRITE, unit: "calls/s", run: async () => bare(url, `write${turn++}`, jobs, await next()) },
    { name: OURS, unit: "calls/s", run: async () => ours(url, await next(), { jobs, workers: 1 }) },
    { name: OURS_TWO, unit: "calls/s", run: async () => ours(url, await next(), { jobs, workers: 2 }) },
    { name: HASH_ONE, unit: "MB/s", run: async () => hashing(url, await next(), files, 1) },
    { name: HASH_TWO, unit: "MB/s", run: async () => hashing(url, await next(), files, 2) },
  ]
  const title = `${jobs} sync jobs of 4 KiB, ${CONCURRENCY} at a time`
  const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`pool: ${line}`) })
  const claims: Claim[] = [
    { text: `${OURS} / ${BARE}`, value: ratio(measured, OURS, BARE), unit: "×", goal: { atLeast: 0.6 } },
    { text: `${BARE_WRITE} / ${BARE}`, value: ratio(measured, BARE_WRITE, BARE), unit: "×" },
    { text: `${OURS} / ${BARE_WRITE}`, value: ratio(measured, OURS, BARE_WRITE), unit: "×" },
    { text: `${OURS_TWO} / ${OURS}`, value: ratio(measured, OURS_TWO, OURS), unit: "×" },
    {
      text: `${HASH_TWO} / ${HASH_ONE}`,
      value: ratio(measured, HASH_TWO, HASH_ONE),
      unit: "×",
      goal: { atLeast: 1.7 },
    },
    {
      text: "Redis commands of a StoreD job / of a bare one",
      value: ratio(measured, commandsOf(OURS), commandsOf(BARE)),
      unit: "×",
      goal: { atMost: 1.5 },
    },
  ]
  return { title, measured, claims }
}

const commandsOf = (name: string): string => `${name}: Redis commands a job`

/** Jobs that wait, a worker that begins, until it has done the last. */
async function bare(url: string, prefix: string, jobs: number, directory = ""): Promise<Sample> {
  const queue = new Queue("sync-copy", { connection: { url }, prefix })
  for (let from = 0; from < jobs; from += 250) {
    await queue.addBulk(
      Array.from({ length: Math.min(250, jobs - from) }, (_, index) => ({
        name: "sync",
        data: { version: 1, kind: "sync", backend: "copy", key: `key/${from + index}`, generation: 1 },
        opts: { jobId: `job-${from + index}`, attempts: 1, removeOnComplete: true, removeOnFail: true },
      })),
    )
  }
  const before = await commands(url)
  const child = fork(BARE_WORKER, [url, prefix, "sync-copy", String(CONCURRENCY), String(jobs), directory])
  const seconds = await told<number>(child, "seconds")
  const used = (await commands(url)) - before
  child.send("end")
  await once(child, "exit")
  await queue.close()
  return { rate: jobs / seconds, also: { [commandsOf(directory ? BARE_WRITE : BARE)]: used / jobs } }
}

async function ours(
  url: string,
  directory: string,
  { jobs, workers }: { jobs: number; workers: number },
): Promise<Sample> {
  const server = await openServer(url, directory, ["sha256"])
  try {
    await inFlight(64, jobs, (index) =>
      server.store.put(Buffer.alloc(4096, `content ${index} `), { key: `key/${index}`, durability: "os" }),
    )
    const before = await commands(url)
    const seconds = await server.work(workers, CONCURRENCY, "sync-copy", jobs)
    const used = (await commands(url)) - before
    return { rate: jobs / seconds, also: workers === 1 ? { [commandsOf(OURS)]: used / jobs } : {} }
  } finally {
    await server.close()
  }
}

/** Side checksums that no SHA extension helps with, one blob a job. */
async function hashing(url: string, directory: string, files: number, workers: number): Promise<Sample> {
  const megabytes = 16
  const server = await openServer(url, directory, ["sha256", "sha1", "md5"], "memory")
  try {
    await inFlight(2, files, (index) =>
      server.store.put(Buffer.alloc(megabytes * 1e6, `content ${index} `), { key: `file/${index}`, durability: "os" }),
    )
    const seconds = await server.work(workers, 1, "checksum", files)
    return { rate: (files * megabytes) / seconds }
  } finally {
    await server.close()
  }
}

async function latency(bench: Bench, url: string): Promise<Section> {
  const jobs = bench.quick ? 20 : 200
  const BARE_END = "bare BullMQ job, from add to done"
  const WRITE_END = "bare BullMQ job that writes, syncs and reads back a file, from add to done"
  const OURS_END = "StoreD, from the put's answer to proven"
  let turn = 0
  const next = async (): Promise<string> => {
    const directory = join(bench.directory, `latency-${turn++}`)
    await mkdir(directory)
    return directory
  }
  const contenders: Contender[] = [
    { name: BARE_END, unit: "calls/s", run: () => bareLatency(url, `late${turn++}`, jobs) },
    { name: WRITE_END, unit: "calls/s", run: async () => bareLatency(url, `late${turn++}`, jobs, await next()) },
    { name: OURS_END, unit: "calls/s", run: async () => ourLatency(url, await next(), jobs) },
  ]
  const measured: Measured[] = await interleave(contenders, {
    ...bench,
    progress: (line) => bench.say(`latency: ${line}`),
  })
  const value = ratio(measured, BARE_END, OURS_END)
  const text = "time of a StoreD job on an idle pool / of a bare one"
  return {
    title: `${jobs} jobs one after the other on an idle pool`,
    measured,
    claims: [
      { text, value, unit: "×", goal: { atMost: 5 } },
      {
        text: "time of a StoreD job / of a bare one that writes",
        value: ratio(measured, WRITE_END, OURS_END),
        unit: "×",
      },
      {
        text: "time of a bare job that writes / of one that does nothing",
        value: ratio(measured, BARE_END, WRITE_END),
        unit: "×",
      },
    ],
  }
}

async function bareLatency(url: string, prefix: string, jobs: number, directory = ""): Promise<Sample> {
  const queue = new Queue("sync-copy", { connection: { url }, prefix })
  const listener = new Redis(url)
  const child = fork(BARE_WORKER, [url, prefix, "sync-copy", "8", "0", directory])
  await told(child, "ready")
  const seconds = await timed(async () => {
    for (let index = 0; index < jobs; index += 1) {
      const job = await queue.add("sync", { key: index }, { jobId: `job-${index}`, removeOnComplete: true })
      // Its key goes with it; no event tells sooner.
      while ((await listener.exists(queue.toKey(job.id!))) === 1) {}
    }
  })
  child.send("end")
  await once(child, "exit")
  listener.disconnect()
  await queue.close()
  return { rate: jobs / seconds }
}

async function ourLatency(url: string, directory: string, jobs: number): Promise<Sample> {
  const server = await openServer(url, directory, ["sha256"])
  try {
    const end = await server.startWorkers(1, 8)
    let total = 0
    for (let index = 0; index < jobs; index += 1) {
      const key = `key/${index}`
      const done = Promise.withResolvers<number>()
      const stop = server.store.on("sync:complete", (event) => event.key === key && done.resolve(performance.now()))
      await server.store.put(Buffer.alloc(4096, `content ${index} `), { key })
      const answered = performance.now()
      total += Math.max(0, (await done.promise) - answered)
      stop()
    }
    await end()
    return { rate: (jobs * 1000) / total }
  } finally {
    await server.close()
  }
}

function told<Value>(child: ChildProcess, name: string): Promise<Value> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: Record<string, Value>) => name in message && resolve(message[name]!))
    child.on("exit", (code) => reject(new Error(`the bare worker ended with ${code}`)))
  })
}
