/**
 * `npm run fault -- --kills 300 --seed 7`: the kill loop in full length. Prints what happened and ends with 1 on any failure; the data of a
 * failed run is kept, and its place printed. `--pool 300` instead: 300 s of the pool's own loop. `--carry 20000`: so many blobs, each
 * carried to two backends meanwhile; with `--calm` nobody is killed. `--scan 1000000`: a folder of so many files,
 * scanned by a process that is killed ten times; `--scan-s3 50000`: a bucket of so many keys likewise. `--s3 5000`: so many into a real bucket, while 30 % of all requests fail. `--s3-large 6`: one of so many GiB
 * there and back, with the memory of those who carry it. `--points all` (or a number) tries the crash points of one put too; it needs strace.
 * `--fuzz 200000`: so many hostile requests at the HTTP doors. `--slow 2000 --aborts 10000`: so many slow clients, and uploads broken off, beside healthy ones.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runCarryLoop } from "./carry-loop.ts"
import { runFuzz } from "./fuzz.ts"
import { runKillLoop } from "./kill-loop.ts"
import { SeededRandom } from "./kill-random.ts"
import { runPoolLoop } from "./pool-loop.ts"
import { runS3Large } from "./s3-large.ts"
import { runS3Loop } from "./s3-loop.ts"
import { scanUnderKills } from "./scan-loop.ts"
import { scanBucketUnderKills } from "./scan-s3-loop.ts"
import { runSlow } from "./slow.ts"
import { tryCrashPoints } from "./store-crash-points.ts"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "300" },
    pool: { type: "string", default: "0" },
    carry: { type: "string", default: "0" },
    calm: { type: "boolean", default: false },
    scan: { type: "string", default: "0" },
    "scan-s3": { type: "string", default: "0" },
    s3: { type: "string", default: "0" },
    "s3-large": { type: "string", default: "0" },
    fuzz: { type: "string", default: "0" },
    slow: { type: "string", default: "0" },
    aborts: { type: "string", default: "0" },
    points: { type: "string", default: "0" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
})
/** MiB by which a process may grow for an object of any size */
const MOST_GROWTH = 150
/** MiB that a process may take for a folder or bucket of any size */
const MOST_SCAN = 512
/** times what the server held after the first tenth */
const MOST_FUZZ_GROWTH = 1.1
/** ms below which a p99 is noise */
const LEAST_P99 = 5
const directory = await mkdtemp(join(tmpdir(), "stored-kill-"))
const say = (line: string): void => void process.stdout.write(`${line}\n`)
say(`seed ${values.seed}`)
process.exitCode = await chosen()

function chosen(): Promise<number> {
  if (values.fuzz !== "0") return fuzzDoors(Number(values.fuzz))
  if (values.slow !== "0" || values.aborts !== "0") return holdUp(Number(values.slow), Number(values.aborts))
  if (values["s3-large"] !== "0") return thereAndBack(Number(values["s3-large"]))
  if (values.s3 !== "0") return intoBucket(Number(values.s3))
  if (values.scan !== "0") return killScans(Number(values.scan))
  if (values["scan-s3"] !== "0") return killScansOfBucket(Number(values["scan-s3"]))
  if (values.carry !== "0") return carry(Number(values.carry))
  return values.pool === "0" ? killServers() : killPool(Number(values.pool))
}

async function fuzzDoors(requests: number): Promise<number> {
  const report = await runFuzz({ requests, seed: Number(values.seed), directory, say })
  const { failures, held, resident } = report
  if (held[1] > held[0] * MOST_FUZZ_GROWTH)
    failures.push(`${held[1]} MiB are held in the end, ${held[0]} after the first tenth`)
  for (const [status, count] of Object.entries(report.statuses)) say(`${count} × ${status === "0" ? "cut" : status}`)
  return conclude(
    failures,
    `${report.requests} hostile requests in ${report.seconds} s, ${held.join(" -> ")} MiB held and ${resident.join(" -> ")} MiB resident after the first tenth and in the end, ` +
      `${failures.length} failures, seed ${values.seed}`,
  )
}

async function holdUp(slow: number, aborts: number): Promise<number> {
  const report = await runSlow({ slow, aborts, directory, say })
  const { before, during, failures } = report
  if (during > Math.max(before * 2, LEAST_P99))
    failures.push(`healthy requests took ${during} ms (p99), ${before} ms before`)
  return conclude(
    failures,
    `${slow} slow clients and ${aborts} broken uploads in ${report.seconds} s: healthy requests p99 ${before} ms before, ${during} ms meanwhile; ` +
      `all was free again after ${report.freed} ms, ${failures.length} failures`,
  )
}

async function carry(blobs: number): Promise<number> {
  const report = await runCarryLoop({
    blobs,
    seed: Number(values.seed),
    directory,
    say,
    ...(values.calm && { every: null }),
  })
  const { worker, redis, server } = report.kills
  return conclude(
    report.failures,
    `${blobs} blobs on two backends in ${report.seconds} s, ${report.uploads} uploads, ${(100 * report.duplicates).toFixed(2)} % of them for nothing, ` +
      `${worker} kills of workers, ${redis} of Redis, ${server} of the server, ${report.failures.length} failures, seed ${values.seed}`,
  )
}

async function killScans(files: number): Promise<number> {
  const kills = values.kills === "300" ? 10 : Number(values.kills)
  const random = new SeededRandom(Number(values.seed))
  const { failures, memory, end, ...report } = await scanUnderKills({ directory, files, kills, random, say })
  const mebibytes = memoryOf(memory, failures)
  if (report.again > 0) failures.push(`${report.again} files were read although they were known`)
  if (report.repeated > report.allowed)
    failures.push(`${report.repeated} files were read twice, at most ${report.allowed} may be`)
  return conclude(
    failures,
    `${files} files scanned over ${report.kills} kills in ${report.seconds} s, ${report.repeated} read twice, ${report.again} of them known, ` +
      `${mebibytes} MiB at most; ${end.rows} rows compared with the tree and ${end.copies} copies read by the doctor in ${end.seconds} s; ` +
      `${failures.length} failures, seed ${values.seed}`,
  )
}

async function killScansOfBucket(files: number): Promise<number> {
  const kills = values.kills === "300" ? 10 : Number(values.kills)
  const random = new SeededRandom(Number(values.seed))
  const { failures, memory, ...report } = await scanBucketUnderKills({ directory, files, kills, random, say })
  const mebibytes = memoryOf(memory, failures)
  if (report.pages > report.needed + report.allowed)
    failures.push(`${report.pages} pages were listed; ${report.needed} and at most ${report.allowed} again are enough`)
  return conclude(
    failures,
    `${files} keys scanned over ${report.kills} kills in ${report.seconds} s, ${report.pages} pages listed where ${report.needed} are needed, ` +
      `${mebibytes} MiB at most, ${failures.length} failures, seed ${values.seed}`,
  )
}

function memoryOf(bytes: number, failures: string[]): string {
  const mebibytes = (bytes / 2 ** 20).toFixed(0)
  if (Number(mebibytes) > MOST_SCAN) failures.push(`a process took ${mebibytes} MiB; ${MOST_SCAN} are the most`)
  return mebibytes
}

async function intoBucket(blobs: number): Promise<number> {
  const report = await runS3Loop({ blobs, seed: Number(values.seed), directory, say })
  const { requests, faults, unswept } = report
  const failed = Object.values(faults).reduce((sum, count) => sum + count, 0)
  for (const [kind, count] of Object.entries(faults)) say(`${count} × ${kind}`)
  return conclude(
    report.failures,
    `${blobs} blobs (${report.large} in parts) in a bucket in ${report.seconds} s, ${requests} requests, ${failed} of them failed, ${report.kills} kills of workers, ` +
      `${report.revived} jobs put back to work, ${unswept.uploads} uploads and ${unswept.notes} notes left to the sweep, ${report.failures.length} failures, seed ${values.seed}`,
  )
}

async function thereAndBack(gibibytes: number): Promise<number> {
  const { up, put, down, failures } = await runS3Large({ bytes: gibibytes * 2 ** 30, directory, say })
  for (const [what, { growth }] of Object.entries({
    "the worker's upload": up,
    "the server's put": put,
    "the server's read": down,
  }))
    if (growth >= MOST_GROWTH) failures.push(`${what} took ${growth} MiB more; ${MOST_GROWTH} are the most`)
  return conclude(
    failures,
    `${gibibytes} GiB: proven after ${up.seconds} s with ${up.growth} MiB more in the worker, read in ${down.seconds} s with ${down.growth} MiB more in the server, ` +
      `put in ${put.seconds} s with ${put.growth} MiB more in it, ${failures.length} failures`,
  )
}

async function killPool(seconds: number): Promise<number> {
  const report = await runPoolLoop({ seconds, seed: Number(values.seed), directory, say })
  const { worker, redis, server } = report.kills
  return conclude(
    report.failures,
    `${worker} kills of workers, ${redis} of Redis, ${server} of the server, ${report.operations} calls, ${report.acknowledged} acknowledged changes, ` +
      `${report.failures.length} failures, settled in ${report.settleSeconds} s, seed ${values.seed}`,
  )
}

async function killServers(): Promise<number> {
  const report = await runKillLoop({ kills: Number(values.kills), seed: Number(values.seed), directory, say })
  return conclude(
    report.failures,
    `${report.kills} kills and ${report.startKills} during start, ${report.operations} calls, ${report.acknowledged} acknowledged changes, ` +
      `${report.failures.length} failures, ${report.seconds} s, seed ${report.seed}`,
  )
}

async function conclude(failures: string[], summary: string): Promise<number> {
  for (const failure of failures) say(`FAILED: ${failure}`)
  say(summary)
  if (failures.length === 0) await rm(directory, { recursive: true, force: true })
  else say(`The data is kept in ${directory}.`)
  return failures.length === 0 ? 0 : 1
}

if (values.points !== "0") {
  const most = values.points === "all" ? Number.POSITIVE_INFINITY : Number(values.points)
  const { points, killed, acknowledged, failures } = await tryCrashPoints({ most, say })
  for (const failure of failures) say(`FAILED: ${failure}`)
  say(`${points} crash points of a put, ${killed} killed, ${acknowledged} acknowledged, ${failures.length} failures`)
  if (failures.length > 0) process.exitCode = 1
}
