/**
 * Every crash point of one put (rows 1 and 2): strace counts the system calls that change something while a child overwrites an object, and
 * then kills the child right before the first of them, the second, and so on. After each the store is opened again: what was
 * acknowledged is there, what was not is absent or whole, the work goes on to its end, and the doctor is content.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { createStore, openStore } from "../../src/compose.ts"
import { examine } from "../../src/doctor/doctor.ts"

const CHILD = fileURLToPath(new URL("./store-crash-child.ts", import.meta.url))
const CALLS =
  "openat,write,writev,pwrite64,pwritev,pwritev2,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat," +
  "mkdir,mkdirat,rmdir,ftruncate,fallocate,copy_file_range,sendfile,utimensat,fchmod,close"
const BEFORE = Buffer.alloc(200_000, "before ")
const AFTER = Buffer.alloc(300_000, "after ")
const UNTOUCHED = Buffer.from("an object that nobody touches")

export interface CrashPoint {
  call: string
  /** the n-th of this call in its thread */
  nth: number
}

export interface CrashReport {
  points: number
  /** the child was killed at so many of them; at the others its threads had fewer calls than in the counting run */
  killed: number
  acknowledged: number
  failures: string[]
}

/** @param most points that are tried, sampled evenly; absent: all. @throws Error where strace is missing */
export async function tryCrashPoints(options: { most?: number; say?(line: string): void } = {}): Promise<CrashReport> {
  const { most = Number.POSITIVE_INFINITY, say = () => {} } = options
  const directory = await mkdtemp(join(tmpdir(), "stored-crash-"))
  try {
    await prepare(directory)
    const all = await countPoints(directory)
    const step = Math.max(1, all.length / most)
    const chosen = all.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step))
    const report: CrashReport = { points: chosen.length, killed: 0, acknowledged: 0, failures: [] }
    for (const [index, point] of chosen.entries()) {
      await tryPoint(directory, point, report)
      if ((index + 1) % 50 === 0)
        say(`${index + 1} of ${chosen.length} crash points, ${report.failures.length} failures`)
    }
    return report
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** A store with two objects, closed: the state from which every try starts. */
async function prepare(directory: string): Promise<void> {
  const template = join(directory, "template")
  await mkdir(join(template, "root"), { recursive: true })
  const store = await createStore(configOf(template))
  await store.put(UNTOUCHED, { key: "untouched", durability: "all" })
  await store.put(BEFORE, { key: "k", durability: "all" })
  await store.close()
  await writeFile(join(directory, "after"), AFTER)
}

function configOf(place: string) {
  return { data: join(place, "data"), backends: { a: { driver: "fs", root: join(place, "root") } } }
}

async function countPoints(directory: string): Promise<CrashPoint[]> {
  const log = join(directory, "calls")
  await attempt(directory, ["-o", log])
  const counts = new Map<string, number>()
  const most = new Map<string, number>()
  for (const line of (await readFile(log, "utf8")).split("\n")) {
    const match = /^(\d+) +([a-z0-9_]+)\(/.exec(line)
    if (!match) continue
    const [, thread = "", call = ""] = match
    const count = (counts.get(`${thread} ${call}`) ?? 0) + 1
    counts.set(`${thread} ${call}`, count)
    most.set(call, Math.max(most.get(call) ?? 0, count))
  }
  return [...most].flatMap(([call, count]) => Array.from({ length: count }, (_, index) => ({ call, nth: index + 1 })))
}

interface Attempt {
  place: string
  acknowledged: boolean
  killed: boolean
}

/** One child on a copy of the template, under strace from the moment at which it is ready. */
async function attempt(directory: string, options: string[]): Promise<Attempt> {
  const place = await mkdtemp(join(directory, "try-"))
  await cp(join(directory, "template"), place, { recursive: true })
  const { data, backends } = configOf(place)
  const child = spawn(process.execPath, [CHILD, data, backends.a.root, join(directory, "after")], {
    stdio: ["pipe", "pipe", "inherit"],
  })
  const childEnd = once(child, "exit")
  let said = ""
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes("ready\n")) resolve()
    })
    child.on("exit", () => reject(new Error("the child ended before it was ready")))
  })
  const tracer = await trace(child, options)
  child.stdin.on("error", () => {})
  child.stdin.write("go\n")
  await childEnd
  await tracer.end
  return { place, acknowledged: said.includes("acked\n"), killed: child.signalCode === "SIGKILL" }
}

/** Attaches strace to every thread of the child. Resolves once attached, with a promise of its end. */
async function trace(child: ChildProcess, options: string[]): Promise<{ end: Promise<unknown> }> {
  const tracer = spawn("strace", ["-f", "-p", String(child.pid), "-e", `trace=${CALLS}`, ...options], {
    stdio: ["ignore", "ignore", "pipe"],
  })
  const end = once(tracer, "exit")
  let said = ""
  await new Promise<void>((resolve, reject) => {
    tracer.on("error", reject)
    tracer.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (/attached/.test(said)) resolve()
    })
    tracer.on("exit", () => reject(new Error(`strace could not attach: ${said}`)))
  })
  return { end }
}

async function tryPoint(directory: string, { call, nth }: CrashPoint, report: CrashReport): Promise<void> {
  const options = ["-o", "/dev/null", "-e", `inject=${call}:signal=KILL:when=${nth}`]
  const { place, acknowledged, killed } = await attempt(directory, options)
  if (killed) report.killed += 1
  if (acknowledged) report.acknowledged += 1
  const name = `killed at ${call} ${nth}, ${acknowledged ? "acknowledged" : "not acknowledged"}`
  try {
    for (const fault of await lookAfter(place, acknowledged)) report.failures.push(`${name}: ${fault}`)
  } catch (error) {
    report.failures.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
  }
  await rm(place, { recursive: true, force: true })
}

/** Opens what a crash left, and says what is wrong with it. */
async function lookAfter(place: string, acknowledged: boolean): Promise<string[]> {
  const faults: string[] = []
  const opened = await openStore(configOf(place), { retry: { baseDelay: 5, maxDelay: 20 } })
  const { store, services } = opened
  try {
    if (!(await store.get("untouched")).equals(UNTOUCHED)) faults.push("another object changed")
    const bytes = await store.get("k")
    const version = (await store.stat("k"))?.version
    const isNew = bytes.equals(AFTER) && version === 2
    const isOld = bytes.equals(BEFORE) && version === 1
    if (!isNew && !isOld) faults.push(`${bytes.length} bytes of version ${version} are neither the old nor the new`)
    if (acknowledged && !isNew) faults.push("the acknowledged put is lost")
    await store.synced("k")
    await store.idle()
    const copy = await readFile(join(place, "root", "k"))
    if (!copy.equals(isNew ? AFTER : BEFORE)) faults.push("the proven copy has other bytes")
    const { findings } = await examine(services)
    const broken = findings.filter((finding) => finding.severity !== "note")
    faults.push(...broken.map((finding) => `${finding.severity} ${finding.invariant}: ${finding.message}`))
  } finally {
    await store.close()
  }
  return faults
}
