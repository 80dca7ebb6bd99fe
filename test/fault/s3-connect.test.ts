/**
 * Row 16: a server at which nobody can connect and that refuses nobody. Every call ends by the deadline for connecting, long before the one for answers, and
 * what waited gives its place back: the next calls work once the server does.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { connect, type Socket } from "node:net"
import { createInterface } from "node:readline"
import { expect, it, onTestFinished } from "vitest"
import { UNKNOWN_ABILITIES } from "../../src/backends/s3/abilities.ts"
import { S3Backend } from "../../src/backends/s3.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { isStoredError } from "../../src/core/error.ts"
import { bytes } from "../contract/backend/harness.ts"

const CHILD = new URL("./s3-connect-child.ts", import.meta.url).pathname
const CONNECT = 300
const ANSWER = 60_000
/** of the server; Linux lets in one more */
const BACKLOG = 1
const FILLERS = 4
/** more than there are connections at the same time */
const MANY = 300
const hashers = await createHashers()

interface StoppableServer {
  endpoint: string
  /** From now on nobody can connect. */
  stop(): Promise<void>
  goOn(): Promise<void>
}

async function startServer(): Promise<StoppableServer> {
  const child = spawn(process.execPath, [CHILD], { stdio: ["ignore", "pipe", "inherit"] })
  const fillers: Socket[] = []
  onTestFinished(() => end(child, fillers))
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string]
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop: async () => {
      child.kill("SIGSTOP")
      for (let count = 0; count < FILLERS; count += 1) {
        const filler = connect(Number(port), "127.0.0.1")
        // The server ends them when it goes on.
        filler.on("error", () => {})
        fillers.push(filler)
      }
      await expect.poll(() => waitingAt(Number(port)), { timeout: 10_000 }).toBeGreaterThan(BACKLOG)
    },
    goOn: async () => {
      for (const filler of fillers) filler.destroy()
      child.kill("SIGCONT")
      await expect.poll(() => waitingAt(Number(port)), { timeout: 10_000 }).toBe(0)
    },
  }
}

/** How many connections wait to be accepted at a port. */
async function waitingAt(port: number): Promise<number> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0")
  const LISTENS = "0A"
  for (const line of (await readFile("/proc/net/tcp", "utf8")).split("\n")) {
    const [, local, , state, queues = ""] = line.trim().split(/\s+/)
    if (local?.endsWith(`:${hex}`) && state === LISTENS) return Number.parseInt(queues.split(":")[1] ?? "", 16)
  }
  return 0
}

async function end(child: ChildProcess, sockets: Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy()
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, "exit")
  child.kill("SIGKILL")
  await exited
}

function backendAt(endpoint: string): S3Backend {
  const credentials = { accessKeyId: "access", secretAccessKey: "secret" }
  const timeouts = { connect: CONNECT, answer: ANSWER, idle: ANSWER }
  const backend = new S3Backend(
    { driver: "s3", bucket: "bucket", endpoint, credentials, timeouts },
    { hashers, knownAbilities: UNKNOWN_ABILITIES },
  )
  onTestFinished(() => backend.close())
  return backend
}

async function keysOf(backend: S3Backend): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of backend.list()) keys.push(key)
  return keys
}

/** The code of an error that is worth another try. */
async function retryableCode(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    () => new Error("resolved"),
    (reason: unknown) => reason,
  )
  if (!isStoredError(error)) throw error
  expect(error.retryable).toBe(true)
  return error.code
}

const CALLS: [name: string, call: (backend: S3Backend) => Promise<unknown>][] = [
  ["open", (backend) => backend.open()],
  ["stat", (backend) => backend.stat("k")],
  ["get", (backend) => backend.get("k")],
  ["put", (backend) => backend.put("k", bytes(Buffer.from("content")))],
  ["put in parts", (backend) => backend.put("k", bytes(Buffer.alloc(20 * 2 ** 20)))],
  ["delete", (backend) => backend.delete("k")],
  ["list", (backend) => keysOf(backend)],
  ["health", (backend) => backend.healthCheck()],
]

it.each(CALLS)("%s ends by the deadline for connecting", async (_name, call) => {
  const server = await startServer()
  const backend = backendAt(server.endpoint)
  await backend.open()
  await server.stop()
  const start = performance.now()
  expect(await retryableCode(call(backend))).toMatch(/^(TIMEOUT|BACKEND_UNAVAILABLE)$/)
  expect(performance.now() - start).toBeLessThan(ANSWER / 4)
})

it("gives back the place of each of many, and works when the server does", async () => {
  const server = await startServer()
  const backend = backendAt(server.endpoint)
  await backend.open()
  await server.stop()
  const start = performance.now()
  const codes = await Promise.all(Array.from({ length: MANY }, (_, index) => retryableCode(backend.stat(`k-${index}`))))
  expect(new Set(codes)).toEqual(new Set(["TIMEOUT"]))
  expect(performance.now() - start).toBeLessThan(ANSWER / 4)
  await server.goOn()
  // One after the other: the server's backlog is short.
  for (let index = 0; index < 10; index += 1) expect(await backend.stat(`k-${index}`)).toBeNull()
  expect(await keysOf(backend)).toEqual([])
})

it("ends a wait for the connection when its signal fires", async () => {
  const server = await startServer()
  const backend = backendAt(server.endpoint)
  await backend.open()
  await server.stop()
  const controller = new AbortController()
  const looking = backend.stat("k", { signal: controller.signal }).catch((error: unknown) => error)
  controller.abort()
  expect(await looking).toMatchObject({ code: "ABORTED" })
})
