/**
 * Many blobs under fire: so many are put, each once, and carried to two backends by four workers, two of them on hosts of their own without the server's
 * disk, while workers are killed every second, Redis every five, the server every ten. Then every copy is there, proven, and equal by `sha256sum`, which
 * shares no code with the store; the doctor is clean; and hardly any upload was done twice. Whoever watches the backends' directories counts the uploads.
 */
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import { type FSWatcher, watch } from "node:fs"
import { promisify } from "node:util"
import type { StoreStatus } from "../../src/store/store.ts"
import type { World } from "./kill-client.ts"
import { consultDoctor } from "./kill-doctor.ts"
import { SeededRandom } from "./kill-random.ts"
import { objectPath, ServerProcess } from "./kill-server.ts"
import { type KillEvery, type Kills, openPoolGround, type PoolGround, pause } from "./pool-ground.ts"

export interface CarryOptions {
  blobs: number
  seed: number
  /** an empty directory; stays */
  directory: string
  /** absent: as said above; null: nobody is killed */
  every?: KillEvery | null
  say?(line: string): void
}

export interface CarryReport {
  kills: Kills
  /** files that came to their place on a backend */
  uploads: number
  /** share of the uploads that nobody needed */
  duplicates: number
  failures: string[]
  /** from the first put until everything was proven */
  seconds: number
}

const run = promisify(execFile)
const CLIENTS = 16
const SMALLEST = 16
const LARGEST = 32_768
const MOST_DUPLICATES = 0.05
/** ms without any progress after which the loop gives up */
const PATIENCE = 60_000
/** ms in which a killed connection is tried again */
const RETRY = 50

export async function runCarryLoop(options: CarryOptions): Promise<CarryReport> {
  const { blobs, directory, say = () => {} } = options
  const every = options.every === undefined ? { worker: 1_000, redis: 5_000, server: 10_000 } : options.every
  const random = new SeededRandom(options.seed)
  const ground = await openPoolGround(directory)
  const { environment, kills, roots, store, workers } = ground
  const world: Pick<World, "failures"> = { failures: [] }
  const counters = roots.map(countUploads)
  const over = new AbortController()
  let server = ServerProcess.start(environment)
  try {
    await server.ready()
    for (const worker of workers) worker.start()
    const begun = performance.now()
    const killServers = async (ms: number): Promise<void> => {
      for (;;) {
        await Promise.race([pause(ms), untilAborted(over.signal)])
        if (over.signal.aborted) return
        await server.kill()
        server = ServerProcess.start(environment)
        await server.ready()
        kills.server += 1
      }
    }
    const killing = Promise.all(
      every ? [ground.killing(every, random.fork(), over.signal), killServers(every.server)] : [],
    )
    killing.catch((error: unknown) => world.failures.push(String(error)))
    const digests = await putAll(blobs, options.seed, random.fork(), () => server)
    say(`${blobs} puts acknowledged after ${seconds(begun)} s`)
    await untilProven(() => server, blobs, world, say)
    const taken = seconds(begun)
    over.abort()
    await killing
    await compare(ground, digests, world)
    await Promise.all(workers.map((worker) => worker.begun()))
    const codes = await Promise.all(workers.map((worker) => worker.kill("SIGTERM")))
    if (codes.some((code) => code !== 0)) world.failures.push(`workers ended by SIGTERM with ${codes.join(", ")}`)
    await server.stop()
    await consultDoctor(store, world as World, kills.server)
    const uploads = counters.reduce((sum, counter) => sum + counter.uploads(), 0)
    const needed = blobs * roots.length
    const duplicates = (uploads - needed) / uploads
    if (uploads < needed) world.failures.push(`${uploads} uploads were counted, ${needed} must have been done`)
    if (duplicates > MOST_DUPLICATES) world.failures.push(`${uploads} uploads were done, ${needed} were needed`)
    return { kills, uploads, duplicates, failures: world.failures, seconds: taken }
  } finally {
    over.abort()
    for (const counter of counters) counter.end()
    await server.kill()
    await ground.close()
  }
}

/** Each acknowledged once; what a kill cut off is put again. Returns the digest of each key. */
async function putAll(
  blobs: number,
  seed: number,
  random: SeededRandom,
  server: () => ServerProcess,
): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  const indexes = Array.from({ length: blobs }, (_, index) => ({
    index,
    size: SMALLEST + random.below(LARGEST),
  })).values()
  const lane = async (): Promise<void> => {
    for (const { index, size } of indexes) {
      const key = `blob-${index}`
      const bytes = Buffer.alloc(size, `blob ${index} of the loop with seed ${seed} `)
      bytes.writeUInt32LE(index, 0)
      await putUntilAcknowledged(key, bytes, server)
      digests.set(key, createHash("sha256").update(bytes).digest("hex"))
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, lane))
  return digests
}

async function putUntilAcknowledged(key: string, bytes: Buffer, server: () => ServerProcess): Promise<void> {
  const end = performance.now() + PATIENCE
  for (;;) {
    const answer = await server()
      .send("PUT", objectPath(key), bytes)
      .catch(() => null)
    if (answer && answer.status < 300) return
    if (answer && answer.status !== 503) throw new Error(`put of ${key}: ${answer.status} ${answer.body.toString()}`)
    if (performance.now() > end) throw new Error(`put of ${key} was not acknowledged in ${PATIENCE} ms`)
    await pause(RETRY)
  }
}

/** A server in another process gives no signal for this over HTTP: it is asked again and again, for as long as the work goes on. */
async function untilProven(
  server: () => ServerProcess,
  blobs: number,
  world: Pick<World, "failures">,
  say: (line: string) => void,
): Promise<void> {
  let [least, since] = [Number.POSITIVE_INFINITY, performance.now()]
  for (;;) {
    const status = await statusOf(server())
    const left = status?.queues.reduce((sum, { due, parked }) => sum + due + parked, 0) ?? least
    if (status && left === 0) {
      if (status.objects !== blobs) world.failures.push(`${status.objects} objects instead of ${blobs}`)
      return
    }
    if (left < least) [least, since] = [left, performance.now()]
    else if (performance.now() - since > PATIENCE) {
      world.failures.push(`${left} jobs are left after ${PATIENCE} ms without progress`)
      return
    }
    say(`${left} jobs are left`)
    await pause(500)
  }
}

async function statusOf(server: ServerProcess): Promise<StoreStatus | null> {
  const answer = await server.send("GET", "/v1/status").catch(() => null)
  return answer?.status === 200 ? (JSON.parse(answer.body.toString()) as StoreStatus) : null
}

/** The backends hold these contents under these keys, and no other. */
async function compare(
  { roots }: PoolGround,
  digests: Map<string, string>,
  world: Pick<World, "failures">,
): Promise<void> {
  const command = "find . -path ./.stored-tmp -prune -o -type f -print0 | xargs -0 -r sha256sum"
  for (const root of roots) {
    const { stdout } = await run("sh", ["-c", command], { cwd: root, maxBuffer: 2 ** 28 })
    const found = new Map(stdout.split("\n").map((line) => [line.slice(68), line.slice(0, 64)]))
    found.delete("")
    const wrong = [...digests].filter(([key, digest]) => found.get(key) !== digest)
    if (wrong.length > 0 || found.size !== digests.size)
      world.failures.push(
        `${root}: ${wrong.length} of ${digests.size} copies are missing or wrong, ${found.size} are there`,
      )
  }
}

/** Counts the files that are renamed into a directory. Their keys have no `/`, and nothing is deleted, so that nothing else happens there. */
function countUploads(root: string): { uploads(): number; end(): void } {
  let uploads = 0
  const watcher: FSWatcher = watch(root, (type, name) => {
    if (type === "rename" && name?.startsWith("blob-")) uploads += 1
  })
  return { uploads: () => uploads, end: () => watcher.close() }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener("abort", () => resolve(), { once: true })
  })
}

function seconds(begun: number): number {
  return Math.round((performance.now() - begun) / 100) / 10
}
