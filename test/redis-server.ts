/**
 * A real Redis for one test file, on a port of its own, with its files in a directory of its own. In this order: the one that `TEST_REDIS_URL` names,
 * a container where a Docker engine answers and nothing is to be killed, a `redis-server` on the PATH, one installed by apt-get.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { access, mkdtemp, rm } from "node:fs/promises"
import { connect, createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { provideProgram } from "./programs.ts"

export interface RedisServer {
  url: string
  stop(): Promise<void>
}

/** One that a test may end and start again; its data stays. */
export interface OwnRedisServer extends RedisServer {
  port: number
  /** SIGKILL; returns once it is gone */
  kill(): Promise<void>
  start(): Promise<void>
}

export async function startRedis(): Promise<RedisServer> {
  const { TEST_REDIS_URL } = process.env
  if (TEST_REDIS_URL) return { url: TEST_REDIS_URL, stop: async () => {} }
  return (await hasDocker()) ? startContainer() : startOwnRedis()
}

export interface OwnRedisOptions {
  /** what starts redis-server with the arguments that follow; absent: itself */
  program?: string
  env?: Record<string, string>
}

/** @param more arguments of redis-server; they win over the usual ones */
export async function startOwnRedis(
  more: readonly string[] = [],
  { program = "redis-server", env = {} }: OwnRedisOptions = {},
): Promise<OwnRedisServer> {
  await provideProgram("redis-server", ["--version"], "redis-server")
  const directory = await mkdtemp(join(tmpdir(), "stored-redis-"))
  const port = await freePort()
  let child: ChildProcess | null = null
  const start = async (): Promise<void> => {
    child = spawn(
      program,
      ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "yes", ...more],
      { stdio: "ignore", env: { ...process.env, ...env } },
    )
    await once(child, "spawn")
    await untilListening(port, child)
  }
  const kill = async (): Promise<void> => {
    const running = child
    child = null
    if (!running || running.exitCode !== null || running.signalCode !== null) return
    const exited = once(running, "exit")
    running.kill("SIGKILL")
    await exited
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    kill,
    stop: async () => {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function startContainer(): Promise<RedisServer> {
  const { GenericContainer } = await import("testcontainers")
  const container = await new GenericContainer("redis:7").withExposedPorts(6379).start()
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    stop: async () => void (await container.stop()),
  }
}

export async function hasDocker(): Promise<boolean> {
  if (process.env.DOCKER_HOST) return true
  return access("/var/run/docker.sock").then(
    () => true,
    () => false,
  )
}

/** One that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, "close")
  return port
}

const START_DEADLINE = 10_000

/** Redis says when it listens only on stdout, which would have to be drained; a connection tells the same. */
export async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const end = Date.now() + START_DEADLINE
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}.`)
    const socket = connect(port, "127.0.0.1")
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false))
    })
    socket.destroy()
    if (isOpen) return
    await new Promise((resume) => setTimeout(resume, 20))
  }
  throw new Error(`redis-server did not listen on ${port} within ${START_DEADLINE} ms.`)
}
