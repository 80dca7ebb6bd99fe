/** What the measurements of the pool stand on: a Redis of their own, and the server with worker processes. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Redis } from "ioredis"
import { pino } from "pino"
import { startServer } from "../src/api/start-server.ts"
import { openServed } from "../src/compose.ts"

const TOKEN = "the-token-of-the-benchmark"
const WORKER = fileURLToPath(new URL("../workers/main.ts", import.meta.url))

/** @param to the backend that puts go to: `copy`, or `memory` */
export async function openServer(
  redis: string,
  directory: string,
  checksums: ("sha256" | "sha1" | "md5")[],
  to = "copy",
) {
  const prefix = `ours${Math.random().toString(36).slice(2)}`
  const { url, store, close } = await startServer({
    config: {
      data: join(directory, "data"),
      backends: {
        copy: { driver: "fs", root: join(directory, "copy"), concurrency: 32 },
        // Its jobs run in the server, and leave the workers to hash.
        memory: { driver: "memory" },
      },
      defaultBackends: [to],
      checksums,
    },
    host: "127.0.0.1",
    port: 0,
    log: pino({ level: "silent" }),
    openStore: openServed,
    onFault: (error) => {
      throw error
    },
    redis: { url: redis, prefix },
    workerToken: TOKEN,
  })
  const startWorkers = async (count: number, concurrency: number): Promise<() => Promise<void>> => {
    const children = Array.from({ length: count }, () =>
      spawn(process.execPath, [WORKER, "--concurrency", String(concurrency)], {
        env: { ...process.env, REDIS_URL: redis, STORED_URL: url, STORED_WORKER_TOKEN: TOKEN },
        stdio: ["ignore", "pipe", "inherit"],
      }),
    )
    await Promise.all(children.map((child) => once(child.stdout, "data")))
    return async () => {
      for (const child of children) child.kill("SIGTERM")
      await Promise.all(children.map((child) => child.exitCode === null && once(child, "exit")))
    }
  }
  /** Seconds for all of a queue's jobs, told by those that follow the first, which waits for its worker to start. */
  const work = async (count: number, concurrency: number, queue: string, jobs: number): Promise<number> => {
    const left = (): number => store.status().queues.find((each) => each.queue === queue)?.due ?? 0
    const end = await startWorkers(count, concurrency)
    while (left() === jobs) await pause()
    const [begun, first] = [performance.now(), left()]
    while (left() > 0) await pause()
    const seconds = ((performance.now() - begun) / 1000) * (jobs / first)
    await end()
    return seconds
  }
  return { store, url, startWorkers, work, close: () => close(5_000) }
}

function pause(): Promise<void> {
  // To ask costs the server as much as a few jobs.
  return new Promise((resume) => setTimeout(resume, 20))
}

/** How many a Redis has processed. */
export async function commands(url: string): Promise<number> {
  const client = new Redis(url)
  try {
    return Number(/total_commands_processed:(\d+)/.exec(await client.info("stats"))?.[1])
  } finally {
    client.disconnect()
  }
}

export async function startRedis(directory: string): Promise<{ url: string; stop(): Promise<void> }> {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = probe.address() as { port: number }
  probe.close()
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "yes"],
    { stdio: "ignore" },
  )
  const url = `redis://127.0.0.1:${port}`
  const client = new Redis(url, { maxRetriesPerRequest: 100 })
  // It may not listen yet; then the ping waits.
  client.on("error", () => {})
  await client.ping()
  client.disconnect()
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL")
    await once(child, "exit")
  }
  return { url, stop }
}
