/**
 * `npm run fault -- --kills 300 --seed 7`: the kill loop in full length. Prints what happened and ends with 1 on any failure; the data of a
 * failed run is kept, and its place printed. `--pool 300` instead: 300 s of the pool's own loop. `--carry 20000`: so many blobs, each
 * carried to two backends meanwhile; with `--calm` nobody is killed. `--scan 1000000`: a folder of so many files,
 * scanned by a process that is killed ten times. `--points all` (or a number) tries the crash points of one put too; it needs strace.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runCarryLoop } from "./carry-loop.ts"
import { runKillLoop } from "./kill-loop.ts"
import { SeededRandom } from "./kill-random.ts"
import { runPoolLoop } from "./pool-loop.ts"
import { scanUnderKills } from "./scan-loop.ts"
import { tryCrashPoints } from "./store-crash-points.ts"

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "300" },
    pool: { type: "string", default: "0" },
    carry: { type: "string", default: "0" },
    calm: { type: "boolean", default: false },
    scan: { type: "string", default: "0" },
    points: { type: "string", default: "0" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
})
const directory = await mkdtemp(join(tmpdir(), "stored-kill-"))
const say = (line: string): void => void process.stdout.write(`${line}\n`)
say(`seed ${values.seed}`)
process.exitCode = await chosen()

function chosen(): Promise<number> {
  if (values.scan !== "0") return killScans(Number(values.scan))
  if (values.carry !== "0") return carry(Number(values.carry))
  return values.pool === "0" ? killServers() : killPool(Number(values.pool))
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
  const { failures, memory, ...report } = await scanUnderKills({ directory, files, kills, random, say })
  if (report.again > 0) failures.push(`${report.again} files were read although they were known`)
  if (report.repeated > report.allowed)
    failures.push(`${report.repeated} files were read twice, at most ${report.allowed} may be`)
  return conclude(
    failures,
    `${files} files scanned over ${report.kills} kills, ${report.repeated} read twice, none of them known, ` +
      `${(memory / 2 ** 20).toFixed(0)} MiB at most, ${failures.length} failures, seed ${values.seed}`,
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
