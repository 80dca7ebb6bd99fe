/**
 * What the loops of the pool stand on: a real Redis, the settings of a server with two backends, and four workers, two of them on hosts of their own
 * without the server's disk; and those who kill them.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { freePort, type OwnRedisServer, startOwnRedis } from "../redis-server.ts"
import type { SeededRandom } from "./kill-random.ts"
import { openOtherHost, THIS_HOST, WorkerProcess } from "./pool-host.ts"

/** ms between two kills */
export interface KillEvery {
  worker: number
  redis: number
  server: number
}

export interface Kills {
  worker: number
  redis: number
  server: number
}

export interface PoolGround {
  /** of the server's process */
  environment: Record<string, string>
  /** the same settings, for the doctor */
  store: StoreConfigInput
  roots: string[]
  workers: WorkerProcess[]
  kills: Kills
  /** Kills a worker, or Redis, again and again until `signal` fires, and starts it anew. The server is its loop's own business. */
  killing(every: KillEvery, random: SeededRandom, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

const TOKEN = "a-token-of-the-fault-loop"
const REDIS_PAUSE = 300

/** @param directory an empty one; stays */
export async function openPoolGround(directory: string, settings: Partial<StoreConfigInput> = {}): Promise<PoolGround> {
  const redis = await startOwnRedis()
  const ports = { server: await freePort(), redis: redis.port }
  const { store, roots, environment } = await prepare(directory, ports, redis.url, settings)
  const staging = join(directory, "data", "staging")
  await mkdir(staging, { recursive: true })
  const others = [1, 2].map((index) => openOtherHost(index, staging, [ports.server, ports.redis]))
  const hosts = [THIS_HOST, THIS_HOST, ...(await Promise.all(others))]
  const workers = hosts.map((host) => new WorkerProcess(host, ports, TOKEN))
  const kills = { worker: 0, redis: 0, server: 0 }
  return {
    environment,
    store,
    roots,
    workers,
    kills,
    killing: async (every, random, signal) => {
      await Promise.all([
        again(every.worker, signal, async () => {
          const worker = random.pick(workers)
          await worker.kill()
          worker.start()
          kills.worker += 1
        }),
        again(every.redis, signal, () => killRedis(redis, kills)),
      ])
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.kill()))
      await redis.stop()
      for (const host of hosts) await host.close()
    },
  }
}

async function killRedis(redis: OwnRedisServer, kills: Kills): Promise<void> {
  await redis.kill()
  await pause(REDIS_PAUSE)
  await redis.start()
  kills.redis += 1
}

async function prepare(
  directory: string,
  ports: { server: number },
  redis: string,
  more: Partial<StoreConfigInput>,
): Promise<Pick<PoolGround, "store" | "roots" | "environment">> {
  const data = join(directory, "data")
  const roots = [join(directory, "a"), join(directory, "b")]
  for (const root of [data, ...roots]) await mkdir(root)
  const settings: StoreConfigInput = {
    backends: { a: { driver: "fs", root: roots[0] }, b: { driver: "fs", root: roots[1] } },
    defaultBackends: ["a", "b"],
    ...more,
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

/** Only a random moment can do for a kill, and only time tells one. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
