/**
 * The pool under fire: a mixed load on a real server with a real Redis and four workers, two of them on hosts of their own without the server's
 * disk. Workers are killed every second, Redis every five, the server every ten. Then everybody lives again, and what was acknowledged must be there,
 * on every backend, and nothing else, with the doctor's word for it.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { freePort, startOwnRedis } from "../redis-server.ts"
import { type Client, runClient, type World } from "./kill-client.ts"
import { ContentMaker } from "./kill-content.ts"
import { consultDoctor } from "./kill-doctor.ts"
import { checkEnd } from "./kill-end.ts"
import { OwnKey, SharedKey } from "./kill-model.ts"
import { SeededRandom } from "./kill-random.ts"
import { ServerProcess } from "./kill-server.ts"
import { openOtherHost, THIS_HOST, WorkerProcess } from "./pool-host.ts"

export interface PoolLoopOptions {
  seconds: number
  seed: number
  /** an empty directory; stays */
  directory: string
  /** ms between two kills */
  every?: { worker: number; redis: number; server: number }
  say?(line: string): void
}

export interface PoolLoopReport {
  kills: { worker: number; redis: number; server: number }
  operations: number
  acknowledged: number
  failures: string[]
  /** from the last kill until everything was where it belongs */
  settleSeconds: number
}

const TOKEN = "a-token-of-the-fault-loop"
const CLIENTS = 8
const OWN_KEYS = 12
const REDIS_PAUSE = 300

export async function runPoolLoop(options: PoolLoopOptions): Promise<PoolLoopReport> {
  const { directory, say = () => {} } = options
  const every = options.every ?? { worker: 1_000, redis: 5_000, server: 10_000 }
  const random = new SeededRandom(options.seed)
  const redis = await startOwnRedis()
  const ports = { server: await freePort(), redis: redis.port }
  const { store, roots, environment } = await prepare(directory, ports, redis.url)
  const staging = join(directory, "data", "staging")
  await mkdir(staging, { recursive: true })
  const others = [1, 2].map((index) => openOtherHost(index, staging, [ports.server, ports.redis]))
  const hosts = [THIS_HOST, THIS_HOST, ...(await Promise.all(others))]
  const workers = hosts.map((host) => new WorkerProcess(host, ports, TOKEN))
  const kills = { worker: 0, redis: 0, server: 0 }
  const world: World = {
    contents: new ContentMaker(random.fork()),
    shared: Array.from({ length: 4 }, (_, index) => new SharedKey(`shared-${index}`)),
    failures: [],
    operations: 0,
    acknowledged: 0,
  }
  const clients: Client[] = Array.from({ length: CLIENTS }, (_, client) => ({
    random: random.fork(),
    own: Array.from({ length: OWN_KEYS }, (_, index) => new OwnKey(`own/${client}/key ${index}`)),
  }))
  const over = new AbortController()
  try {
    for (const worker of workers) worker.start()
    const chaos = [
      again(every.worker, over.signal, async () => {
        const worker = random.pick(workers)
        await worker.kill()
        worker.start()
        kills.worker += 1
      }),
      again(every.redis, over.signal, async () => {
        await redis.kill()
        await pause(REDIS_PAUSE)
        await redis.start()
        kills.redis += 1
      }),
    ]
    const end = performance.now() + options.seconds * 1000
    while (performance.now() < end && world.failures.length < 20) {
      await live(environment, clients, world, Math.min(every.server, end - performance.now()))
      kills.server += 1
      say(`${kills.server} lives of the server, ${world.operations} calls, ${world.failures.length} failures`)
    }
    over.abort()
    await Promise.all(chaos)
    const settling = performance.now()
    await checkEnd({ store, environment, roots, world, own: clients.flatMap(({ own }) => own) })
    const settleSeconds = Math.round((performance.now() - settling) / 100) / 10
    if (world.failures.length > 0) world.failures.push(...workers.map(({ output }) => `a worker said: ${output}`))
    const codes = await Promise.all(workers.map((worker) => worker.kill("SIGTERM")))
    if (codes.some((code) => code !== 0)) world.failures.push(`workers ended by SIGTERM with ${codes.join(", ")}`)
    await consultDoctor(store, world, kills.server)
    const { operations, acknowledged, failures } = world
    return { kills, operations, acknowledged, failures, settleSeconds }
  } finally {
    over.abort()
    await Promise.all(workers.map((worker) => worker.kill()))
    await redis.stop()
    for (const host of hosts) await host.close()
  }
}

async function live(environment: Record<string, string>, clients: Client[], world: World, ms: number): Promise<void> {
  const server = ServerProcess.start(environment)
  try {
    await server.ready()
    const load = clients.map((client) => runClient(client, world, server))
    // Only a random moment can do here, and only time tells one.
    await pause(Math.max(ms, 0))
    await server.kill()
    await Promise.all(load)
  } catch (error) {
    world.failures.push(error instanceof Error ? error.message : String(error))
  } finally {
    await server.kill()
  }
}

async function prepare(directory: string, ports: { server: number }, redis: string) {
  const data = join(directory, "data")
  const roots = [join(directory, "a"), join(directory, "b")]
  for (const root of [data, ...roots]) await mkdir(root)
  const settings: StoreConfigInput = {
    backends: { a: { driver: "fs", root: roots[0] }, b: { driver: "fs", root: roots[1] } },
    defaultBackends: ["a", "b"],
    checksums: ["sha256", "xxh3"],
  }
  const path = join(directory, "config.json")
  await writeFile(path, JSON.stringify(settings))
  const environment = {
    STORED_DATA: data,
    STORED_CONFIG: path,
    STORED_PORT: String(ports.server),
    REDIS_URL: redis,
    STORED_WORKER_TOKEN: TOKEN,
  }
  return { store: { ...settings, data }, environment, roots }
}

/** Does the work again and again, each time a while after the last. */
async function again(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await pause(ms)
    if (!signal.aborted) await work()
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
