/**
 * Files into a bucket: put by path and proven there, beside `rclone copy` and the AWS CLI with the same bucket, files and parallelism. The peers copy from
 * disk to the bucket; ours makes the staged copy first, syncs it, and has each upload proven. What arrived is counted and hashed by an independent client. Ours
 * runs as `npm start` does, and with the limits of the systemd unit.
 */
import { execFile } from "node:child_process"
import { createHash, randomFillSync } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { GetObjectCommand } from "@aws-sdk/client-s3"
import { watchMemory } from "../test/process-memory.ts"
import { makeBucket, type TestBucket } from "../test/s3-bucket.ts"
import { isInstalled } from "./command.ts"
import { LIMITS, STARTED } from "./limits.ts"
import { type Contender, interleave, type Measured, median, type Sample, timed } from "./measure.ts"
import type { S3Answer, S3Task } from "./s3-store.ts"
import { type Bench, type Section, type Subject, timesFaster } from "./subject.ts"

interface Load {
  title: string
  count: number
  bytes: number
  /** ours must be so many times as fast as rclone */
  goal: number
}

const execute = promisify(execFile)
const PARALLEL = 16
const STORE = fileURLToPath(new URL("s3-store.ts", import.meta.url))
const OURS = "StoreD put and proven"
const LIMITED = "StoreD within the limits of the unit"
const PUT = "StoreD put alone, the sync beside it"
const RCLONE = "rclone copy"
const AWS = "aws s3 cp"
const MOST_MORE_MEMORY = 100

const LOADS: Load[] = [
  { title: "small files into a bucket", count: 5_000, bytes: 16 * 1024, goal: 1.5 },
  { title: "large files into a bucket", count: 200, bytes: 8 * 2 ** 20, goal: 1 },
  { title: "one huge file into a bucket", count: 1, bytes: 2 * 2 ** 30, goal: 1 },
]
const QUICK: Load[] = LOADS.map((load) => ({
  ...load,
  count: Math.min(load.count, 50),
  bytes: Math.min(load.bytes, 2 ** 24),
}))

export const s3: Subject = {
  name: "s3",
  about: "files put and proven in a bucket of a real S3 server, beside rclone copy and the AWS CLI",
  measure: async (bench: Bench): Promise<Section[]> => {
    const sections: Section[] = []
    for (const load of bench.quick ? QUICK : LOADS) sections.push(await measure(bench, load))
    return sections
  },
}

async function measure(bench: Bench, load: Load): Promise<Section> {
  const files = await mkdtemp(join(bench.directory, "files-"))
  await writeFiles(files, load)
  const peaks = new Map<string, number[]>()
  const contenders: Contender[] = [
    contender(OURS, load, files, bench.directory, peaks, (job) => ours(job, {}, PUT)),
    contender(LIMITED, load, files, bench.directory, peaks, (job) => ours(job, LIMITS)),
  ]
  const notes: string[] = []
  for (const [name, program, run] of [
    [RCLONE, "rclone", rclone],
    [AWS, "aws", aws],
  ] as const) {
    if (await isInstalled(program)) contenders.push(contender(name, load, files, bench.directory, peaks, run))
    else notes.push(`**${program} is not installed: its row is missing.**`)
  }
  const title = `${load.title}: ${load.count} of ${load.bytes / 1024} KiB, ${PARALLEL} at a time`
  const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`${title}: ${line}`) })
  await rm(files, { recursive: true })
  for (const [name, mebibytes] of peaks) notes.push(`Peak memory of ${name}: ${median(mebibytes)} MiB.`)
  return { title, measured, claims: claims(measured, load, peaks), notes }
}

function claims(measured: Measured[], { goal }: Load, peaks: Map<string, number[]>): Section["claims"] {
  const has = (name: string): boolean => measured.some((each) => each.name === name)
  const made = []
  if (has(RCLONE)) {
    made.push(timesFaster(measured, OURS, RCLONE, goal), timesFaster(measured, PUT, RCLONE))
    made.push(timesFaster(measured, LIMITED, RCLONE, goal))
    for (const name of [OURS, LIMITED]) {
      const more = median(peaks.get(name)!) - median(peaks.get(RCLONE)!)
      made.push({
        text: `memory of ${name} less that of ${RCLONE}, as a multiple of ${MOST_MORE_MEMORY} MiB`,
        value: more / MOST_MORE_MEMORY,
        unit: "×" as const,
        goal: { atMost: 1 },
      })
    }
  }
  if (has(AWS)) made.push(timesFaster(measured, OURS, AWS))
  return made
}

interface Job {
  files: string
  bucket: TestBucket
  /** an empty directory */
  directory: string
}
interface Done {
  /** until everything had arrived */
  seconds: number
  /** until every put was acknowledged, where a row tells of that moment */
  put?: { name: string; seconds: number }
  /** MiB of its own: the pages of the catalog's file that are mapped are the page cache's */
  peak: number
}

function contender(
  name: string,
  { count, bytes }: Load,
  files: string,
  place: string,
  peaks: Map<string, number[]>,
  run: (job: Job) => Promise<Done>,
): Contender {
  return {
    name,
    unit: "MB/s",
    run: async (round): Promise<Sample> => {
      const directory = await mkdtemp(join(place, "run-"))
      const bucket = await makeBucket()
      try {
        const done = await run({ files, bucket, directory })
        await requireArrived(files, bucket, count)
        if (round > 0) peaks.set(name, [...(peaks.get(name) ?? []), done.peak])
        const rate = (seconds: number): number => (count * bytes) / 1e6 / seconds
        return { rate: rate(done.seconds), ...(done.put && { also: { [done.put.name]: rate(done.put.seconds) } }) }
      } finally {
        await bucket.remove()
        await rm(directory, { recursive: true })
      }
    },
  }
}

async function ours({ files, bucket, directory }: Job, env: Record<string, string>, row?: string): Promise<Done> {
  const task: S3Task = { files, data: join(directory, "data"), backend: { ...bucket.config(), concurrency: PARALLEL } }
  const { stdout, peak } = await watched(process.execPath, [...STARTED, STORE, JSON.stringify(task)], env)
  const { seconds } = JSON.parse(stdout) as S3Answer
  return { seconds: seconds.synced, peak, ...(row && { put: { name: row, seconds: seconds.put } }) }
}

async function rclone({ files, bucket: { server, bucket } }: Job): Promise<Done> {
  const env = {
    RCLONE_CONFIG: "/dev/null",
    RCLONE_CONFIG_TO_TYPE: "s3",
    RCLONE_CONFIG_TO_PROVIDER: "Ceph",
    RCLONE_CONFIG_TO_ENDPOINT: server.endpoint,
    RCLONE_CONFIG_TO_REGION: server.region,
    RCLONE_CONFIG_TO_ACCESS_KEY_ID: server.accessKeyId,
    RCLONE_CONFIG_TO_SECRET_ACCESS_KEY: server.secretAccessKey,
  }
  const words = ["copy", "--transfers", String(PARALLEL), "--checkers", String(PARALLEL), "--s3-no-check-bucket"]
  let peak = 0
  const seconds = await timed(async () => {
    peak = (await watched("rclone", [...words, files, `to:${bucket}`], env)).peak
  })
  return { seconds, peak }
}

async function aws({ files, bucket: { server, bucket }, directory }: Job): Promise<Done> {
  const config = join(directory, "config")
  await writeFile(
    config,
    `[default]\nregion = ${server.region}\ns3 =\n  max_concurrent_requests = ${PARALLEL}\n  addressing_style = path\n`,
  )
  const env = {
    AWS_CONFIG_FILE: config,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_REQUEST_CHECKSUM_CALCULATION: "when_required",
  }
  const words = ["--endpoint-url", server.endpoint, "s3", "cp", "--recursive", "--only-show-errors"]
  let peak = 0
  const seconds = await timed(async () => {
    peak = (await watched("aws", [...words, files, `s3://${bucket}/`], env)).peak
  })
  return { seconds, peak }
}

async function watched(program: string, words: string[], env: Record<string, string>) {
  const running = execute(program, words, {
    // A bundle of authorities for elsewhere keeps an old rclone from starting.
    env: { ...process.env, AWS_CA_BUNDLE: undefined, ...env },
    maxBuffer: 2 ** 26,
  })
  const memory = watchMemory(running.child.pid ?? 0)
  const { stdout } = await running.finally(memory.end)
  return { stdout, peak: memory.peaks().own }
}

async function writeFiles(directory: string, { count, bytes }: Load): Promise<void> {
  await mkdir(directory, { recursive: true })
  const piece = Buffer.allocUnsafe(Math.min(bytes, 2 ** 24))
  for (let index = 0; index < count; index += 1) {
    const file = await open(join(directory, `file-${index}.bin`), "wx")
    for (let at = 0; at < bytes; at += piece.length) await file.write(randomFillSync(piece))
    await file.close()
  }
}

/** As many objects as files, and those that are read back have their bytes. */
async function requireArrived(files: string, { bucket, client, keys }: TestBucket, count: number): Promise<void> {
  const arrived = (await keys()).filter((key) => key.startsWith("file-"))
  if (arrived.length !== count) throw new Error(`${arrived.length} of ${count} files have arrived.`)
  const [name = ""] = await readdir(files)
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: name }))
  const hash = createHash("sha256")
  for await (const chunk of Body as AsyncIterable<Uint8Array>) hash.update(chunk)
  const wanted = createHash("sha256")
  for await (const chunk of createReadStream(join(files, name))) wanted.update(chunk as Buffer)
  if (hash.digest("hex") !== wanted.digest("hex")) throw new Error(`${name} has other bytes in the bucket.`)
}
