/**
 * A folder of many small files, scanned by a process that is killed with -9 on the way, again and again: it goes on from the last page, reads nothing again that
 * the catalog knew, and in the end the catalog is the folder. `npm run fault -- --scan 1000000 [--kills 10] [--seed N]`
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { mkdir, readFile, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { SeededRandom } from "./kill-random.ts"
import { checkScanEnd, contentOf, type ScanEnd } from "./scan-end.ts"

const CHILD = fileURLToPath(new URL("scan-child.ts", import.meta.url))
const PER_FOLDER = 500
/** Files that may have been read and not committed when a process is killed: pages that are being made ready, and a batch of looks. */
const IN_FLIGHT = 5 * 500 + 256

export interface ScanKills {
  /** an empty directory of its own */
  directory: string
  files: number
  kills: number
  random: SeededRandom
  say(line: string): void
}

export interface ScanKilled {
  kills: number
  /** files that were read more often than once */
  repeated: number
  /** how many at most that may be */
  allowed: number
  /** files that were read although the catalog knew them */
  again: number
  /** bytes of the process that used most, killed or not */
  memory: number
  /** of scanning, starts and kills too */
  seconds: number
  /** what the check at the end has looked at, and how long it took */
  end: Omit<ScanEnd, "failures">
  /** what is wrong in the end */
  failures: string[]
}

export async function scanUnderKills({ directory, files, kills, random, say }: ScanKills): Promise<ScanKilled> {
  const folder = join(directory, "folder")
  const data = join(directory, "data")
  const log = join(directory, "read.log")
  await writeFiles(folder, files)
  await writeFile(log, "")
  say(`${files} files are there`)
  const settings = { driver: "fs", root: folder, scan: { every: "24h" } }
  const report = async (): Promise<string> => `${(await readLog(log)).total} files read`
  const { killed, memory, seconds } = await underKills({ data, settings, log, files, kills, random, say, report })
  const { total, distinct, again } = await readLog(log)
  const { failures, ...end } = await checkScanEnd({ data, folder, files, say })
  const repeated = total - distinct
  return { kills: killed, repeated, allowed: killed * IN_FLIGHT, again, memory, seconds, end, failures }
}

export interface UnderKills {
  data: string
  /** of the backend */
  settings: object
  log: string
  files: number
  kills: number
  random: SeededRandom
  say(line: string): void
  /** what to say after each process */
  report(): Promise<string>
}

/** Scans with one process after the other, each but the last killed on its way. */
export async function underKills(options: UnderKills): Promise<{ killed: number; memory: number; seconds: number }> {
  const { data, settings, log, files, kills, random, say, report } = options
  const begun = performance.now()
  let memory = 0
  let killed = 0
  for (let done = false; !done; ) {
    const child = fork(CHILD, [data, JSON.stringify(settings), log], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
    const target = killed < kills ? Math.floor(((killed + random.next()) / kills) * files) : null
    const end = await follow(child, target)
    memory = Math.max(memory, end.most)
    done = !end.isKilled
    if (end.isKilled) killed += 1
    const mebibytes = (end.most / 2 ** 20).toFixed(0)
    say(`${killed} kills after ${seconds(begun)} s, ${await report()}, ${mebibytes} MiB at most`)
  }
  return { killed, memory, seconds: seconds(begun) }
}

function seconds(begun: number): number {
  return Math.round((performance.now() - begun) / 1000)
}

/** Kills the process once so many files are known. `most`: bytes of memory. */
async function follow(child: ChildProcess, target: number | null): Promise<{ most: number; isKilled: boolean }> {
  let most = 0
  let isKilled = false
  child.on("message", (told: { files?: number; looks?: number; done?: true; most?: number }) => {
    most = Math.max(most, told.most ?? 0)
    if (told.done || isKilled || target === null || (told.files ?? 0) - (told.looks ?? 0) < target) return
    isKilled = true
    child.kill("SIGKILL")
  })
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null]
  // It may have come to its end meanwhile: then the next one finds nothing to do.
  if (isKilled && signal === "SIGKILL") return { most, isKilled }
  if (code !== 0) throw new Error(`the scanning process ended with ${code}`)
  return { most, isKilled: false }
}

async function writeFiles(folder: string, files: number): Promise<void> {
  const past = new Date("2020-01-01T00:00:00Z")
  for (let start = 0; start < files; start += PER_FOLDER) {
    const below = join(folder, `folder-${start / PER_FOLDER}`)
    await mkdir(below, { recursive: true })
    const write = async (index: number): Promise<void> => {
      const path = join(below, `file-${index}`)
      await writeFile(path, contentOf(index))
      await utimes(path, past, past)
    }
    const count = Math.min(PER_FOLDER, files - start)
    await Promise.all(Array.from({ length: count }, (_, offset) => write(start + offset)))
  }
}

async function readLog(log: string): Promise<{ total: number; distinct: number; again: number }> {
  const lines = (await readFile(log, "utf8")).split("\n").filter((line) => line !== "")
  const keys = new Set(lines.map((line) => line.slice(line.indexOf(" ") + 1)))
  return { total: lines.length, distinct: keys.size, again: lines.filter((line) => line.startsWith("again ")).length }
}
