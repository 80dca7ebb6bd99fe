/**
 * The fuzzer of the HTTP doors: seeded requests by raw sockets against the real server. It fails on a 5xx that nothing in the request explains, on a server that ends, on a whole request that is not answered, on more memory held in the
 * end than after the first tenth, on a prototype that changed, and on a doctor who finds something.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import fc from "fast-check"
import { runDoctor } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { type FuzzRequest, type FuzzTokens, requests } from "./fuzz-request.ts"
import { type FuzzServer, startFuzzServer } from "./fuzz-server.ts"

export interface FuzzReport {
  requests: number
  /** how often each status came; 0: cut without an answer */
  statuses: Record<string, number>
  failures: string[]
  /** MiB after the first tenth and in the end, settled */
  held: [number, number]
  resident: [number, number]
  seconds: number
}

export interface FuzzOptions {
  requests: number
  seed: number
  /** an empty directory; stays */
  directory: string
  say?(line: string): void
}

const BATCH = 1_000
const PARALLEL = 24
const DEADLINE = 20_000
const ENOUGH_FAILURES = 20
const ADMIN = "the-administrators-own-token"
/** A backend that was made and cannot be reached, or is full: the answer says so. */
const EXPLAINED =
  /"code":"(?:BACKEND_UNAVAILABLE|COPY_UNAVAILABLE|SECRET_UNAVAILABLE|BACKEND_FULL|QUOTA_EXCEEDED|CLOSED)"/

export async function runFuzz({ requests: total, seed, directory, say = () => {} }: FuzzOptions): Promise<FuzzReport> {
  const begun = performance.now()
  const { config, environment, root } = await prepare(directory)
  const server = await startFuzzServer(environment)
  const report: FuzzReport = { requests: 0, statuses: {}, failures: [], held: [0, 0], resident: [0, 0], seconds: 0 }
  try {
    const tokens = await makeTokens(server.port, root)
    const arbitrary = requests(tokens)
    const warm = Math.max(BATCH, Math.ceil(total / 10 / BATCH) * BATCH)
    while (report.requests < total && report.failures.length < ENOUGH_FAILURES && server.isAlive()) {
      const batch = fc.sample(arbitrary, {
        seed: seed + report.requests,
        numRuns: Math.min(BATCH, total - report.requests),
      })
      await sendAll(batch, server.port, report, seed)
      if (report.requests === warm) await measure(server, report, 0)
      if (report.requests % 10_000 === 0)
        say(`${report.requests} requests, ${server.memory().toFixed(0)} MiB, ${report.failures.length} failures`)
    }
    if (!server.isAlive()) report.failures.push(`the server ended: ${server.said().slice(-2_000)}`)
    else await measure(server, report, 1)
    if (/an error that nobody caught|failed by a fault of our own/.test(server.said()))
      report.failures.push(`in the log: ${server.said().slice(-2_000)}`)
  } finally {
    const code = await server.end()
    if (code !== 0) report.failures.push(`the server ended with ${code}`)
  }
  const doctor = await runDoctor(config)
  for (const { severity, subject, message } of doctor.findings)
    if (severity !== "note") report.failures.push(`doctor: ${subject}: ${message}`)
  report.seconds = Math.round((performance.now() - begun) / 100) / 10
  return report
}

async function prepare(directory: string) {
  const root = join(directory, "a")
  const made = join(directory, "made")
  for (const folder of [root, made]) await mkdir(folder)
  const settings: StoreConfigInput = { backends: { main: { driver: "fs", root } }, defaultBackends: ["main"] }
  const path = join(directory, "config.json")
  await writeFile(path, JSON.stringify(settings))
  const data = join(directory, "data")
  const environment = {
    STORED_DATA: data,
    STORED_CONFIG: path,
    STORED_ADMIN_TOKEN: ADMIN,
    STORED_WORKER_TOKEN: "the-token-of-the-workers",
  }
  return { config: { ...settings, data }, environment, root: made }
}

/** Tokens that were made go on working after wrong ones, as the administrator's does not. */
async function makeTokens(port: number, root: string): Promise<FuzzTokens> {
  const make = async (name: string, scopes: string[], prefixes?: string[]): Promise<string> => {
    const body = JSON.stringify({ name, scopes, ...(prefixes && { prefixes }) })
    const headers = { authorization: `Bearer ${ADMIN}` }
    const answer = await fetch(`http://127.0.0.1:${port}/v1/tokens`, { method: "POST", headers, body })
    const { token } = (await answer.json()) as { token?: string }
    if (!token) throw new Error(`no token was made: ${answer.status}`)
    return token
  }
  const others = [await make("reader", ["read"]), await make("part", ["read", "write"], ["in/"])]
  return { admin: await make("all", ["admin"]), others, root }
}

async function sendAll(batch: FuzzRequest[], port: number, report: FuzzReport, seed: number): Promise<void> {
  const waiting = batch[Symbol.iterator]()
  const sender = async (): Promise<void> => {
    for (const request of waiting) {
      const answer = await send(request, port)
      const status = Number(/^HTTP\/1\.1 ([2-9]\d\d)/m.exec(answer ?? "")?.[1] ?? 0)
      report.requests += 1
      report.statuses[status] = (report.statuses[status] ?? 0) + 1
      const shown = `${request.bytes.toString("latin1").slice(0, 600)} -> ${answer?.slice(0, 600)}`
      if (answer === null) report.failures.push(`seed ${seed}: not answered in time: ${shown}`)
      else if (status >= 500 && !EXPLAINED.test(answer)) report.failures.push(`seed ${seed}: ${shown}`)
      else if (status === 0 && request.isWhole) report.failures.push(`seed ${seed}: cut without an answer: ${shown}`)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, sender))
}

/** What came back until the server closed; null where it neither answered nor closed in time. A stream without end is left. */
function send({ bytes, isWhole }: FuzzRequest, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    let answer = ""
    let isLate = false
    const timer = setTimeout(() => {
      isLate = answer === ""
      socket.destroy()
    }, DEADLINE)
    socket.on("error", () => {})
    socket.on("data", (chunk) => {
      if (answer.length < 4_000) answer += chunk.toString("latin1")
      if (isComplete(answer)) socket.destroy()
      if (/\r\ncontent-type: (?:text\/event-stream|application\/x-ndjson)/i.test(answer)) socket.destroy()
    })
    socket.on("close", () => {
      clearTimeout(timer)
      resolve(isLate ? null : answer)
    })
    if (isWhole) socket.write(bytes)
    else socket.end(bytes)
  })
}

/** Whether all of an answer with a length has come: what closes it is of no interest here. */
function isComplete(answer: string): boolean {
  const head = answer.indexOf("\r\n\r\n")
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer)?.[1]
  return head >= 0 && length !== undefined && answer.length >= Math.min(4_000, head + 4 + Number(length))
}

async function measure(server: FuzzServer, report: FuzzReport, at: 0 | 1): Promise<void> {
  const { held, isPolluted } = await server.look()
  report.held[at] = Math.round(held / 2 ** 18) / 4
  report.resident[at] = Math.round(server.memory())
  if (isPolluted) report.failures.push("a prototype has other members than before")
}
