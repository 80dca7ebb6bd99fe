/**
 * Clients that hold up a server: heads and bodies that drip, connections that say nothing, readers that do not read, and uploads broken off. Healthy requests go on meanwhile, and what the others
 * had is free within seconds of their going.
 */
import { once } from "node:events"
import { mkdir, readdir, writeFile } from "node:fs/promises"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { runDoctor } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { type FuzzServer, startFuzzServer } from "./fuzz-server.ts"

export interface SlowReport {
  /** ms, p99 of healthy requests */
  before: number
  during: number
  /** ms until descriptors and temporary files were as before */
  freed: number
  seconds: number
  failures: string[]
}

export interface SlowOptions {
  slow: number
  aborts: number
  /** healthy requests of each measurement */
  healthy?: number
  /** an empty directory; stays */
  directory: string
  say?(line: string): void
}

const LARGE = 8_000_000
/** ms within which everything must be free */
const FREE_DEADLINE = 5_000
const DRIP = 1_000

export async function runSlow({
  slow,
  aborts,
  healthy = 2_000,
  directory,
  say = () => {},
}: SlowOptions): Promise<SlowReport> {
  const begun = performance.now()
  const root = join(directory, "a")
  const data = join(directory, "data")
  await mkdir(root)
  const settings: StoreConfigInput = { backends: { main: { driver: "fs", root } }, defaultBackends: ["main"] }
  const path = join(directory, "config.json")
  await writeFile(path, JSON.stringify(settings))
  const server = await startFuzzServer({ STORED_DATA: data, STORED_CONFIG: path })
  const report: SlowReport = { before: 0, during: 0, freed: 0, seconds: 0, failures: [] }
  try {
    await ask(server, "PUT", "large", Buffer.alloc(LARGE))
    await ask(server, "PUT", "small", Buffer.from("hello"))
    await measure(server, healthy / 4)
    report.before = await measure(server, healthy)
    const idle = server.descriptors()
    const sockets = await openSlow(server.port, slow)
    const drip = setInterval(() => {
      for (const { socket, drop } of sockets) if (drop && socket.writable) socket.write(drop)
    }, DRIP)
    say(`${sockets.length} slow clients, ${server.descriptors()} descriptors`)
    const [during] = await Promise.all([measure(server, healthy), breakOff(server.port, aborts)])
    report.during = during
    clearInterval(drip)
    if (!server.isAlive()) report.failures.push(`the server ended: ${server.said()}`)
    for (const { socket } of sockets) socket.destroy()
    report.freed = await untilFree(server, idle, join(data, "staging", "tmp"), report.failures)
  } finally {
    const code = await server.end()
    if (code !== 0) report.failures.push(`the server ended with ${code}`)
  }
  const { findings } = await runDoctor({ ...settings, data })
  for (const { severity, subject, message } of findings)
    if (severity !== "note") report.failures.push(`doctor: ${subject}: ${message}`)
  report.seconds = Math.round((performance.now() - begun) / 100) / 10
  return report
}

/** What each sends at once, and what drips afterwards. */
const KINDS: readonly [first: string, drop: string][] = [
  ["GET /v1/objects/small HTTP/1.1\r\nHost: localhost\r\n", "a: b\r\n"],
  ["PUT /v1/objects/dripping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", "x"],
  ["GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", ""],
  ["GET /v1/objects/large HTTP/1.1\r\nHost: localhost\r\n\r\n", ""],
]

interface SlowSocket {
  socket: Socket
  drop: string
}

async function openSlow(port: number, count: number): Promise<SlowSocket[]> {
  const opened: SlowSocket[] = []
  for (let at = 0; at < count; at += 1) {
    const [first, drop] = KINDS[at % KINDS.length]!
    const socket = connect(port, "127.0.0.1").on("error", () => {})
    await once(socket, "connect")
    // Nothing of an answer is taken, but what the system takes by itself.
    socket.pause()
    socket.write(first)
    opened.push({ socket, drop })
  }
  return opened
}

async function breakOff(port: number, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1) {
    const socket = connect(port, "127.0.0.1").on("error", () => {})
    await once(socket, "connect")
    const sent = (at * 7919) % 60_000
    const framing = at % 2 === 0 ? "Content-Length: 60001\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\nEA61\r\n"
    await new Promise<void>((resolve) => {
      socket.write(
        `PUT /v1/objects/broken-${at % 50} HTTP/1.1\r\nHost: localhost\r\n${framing}${"x".repeat(sent)}`,
        () => resolve(),
      )
    })
    if (at % 3 === 0) socket.resetAndDestroy()
    else socket.destroy()
  }
}

/** ms, the p99 of so many small reads and writes, one after the other. */
async function measure(server: FuzzServer, count: number): Promise<number> {
  const times: number[] = []
  for (let at = 0; at < count; at += 1) {
    const begun = performance.now()
    if (at % 10 === 0) await ask(server, "PUT", "small", Buffer.from("hello"))
    else await ask(server, "GET", "small")
    times.push(performance.now() - begun)
  }
  times.sort((a, b) => a - b)
  return Math.round(times[Math.floor(times.length * 0.99)]! * 10) / 10
}

async function ask({ port }: FuzzServer, method: string, key: string, body?: Buffer): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  const answer = await fetch(`http://127.0.0.1:${port}/v1/objects/${key}`, {
    method,
    signal,
    ...(body && { body: new Uint8Array(body) }),
  })
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`a healthy ${method} was answered ${answer.status}`)
}

/** Looks until descriptors and temporary files are as before; a few connections of our own may stay. */
async function untilFree(server: FuzzServer, idle: number, folder: string, failures: string[]): Promise<number> {
  const begun = performance.now()
  for (;;) {
    const files = (await readdir(folder)).length
    const descriptors = server.descriptors()
    const passed = Math.round(performance.now() - begun)
    if (files === 0 && descriptors <= idle + 4) return passed
    if (passed > FREE_DEADLINE) {
      failures.push(
        `after ${passed} ms ${files} temporary files and ${descriptors} descriptors are there, ${idle} before`,
      )
      return passed
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
