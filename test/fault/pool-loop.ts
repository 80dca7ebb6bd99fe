/**
 * The pool under fire: a mixed load on a real server with a real Redis and four workers, two of them on hosts of their own without the server's
 * disk. Workers are killed every second, Redis every five, the server every ten. Then everybody lives again, and what was acknowledged must be there,
 * on every backend, and nothing else, with the doctor's word for it.
 */
import { type Client, runClient, type World } from "./kill-client.ts"
import { ContentMaker } from "./kill-content.ts"
import { consultDoctor } from "./kill-doctor.ts"
import { checkEnd } from "./kill-end.ts"
import { OwnKey, SharedKey } from "./kill-model.ts"
import { SeededRandom } from "./kill-random.ts"
import { ServerProcess } from "./kill-server.ts"
import { type KillEvery, type Kills, openPoolGround, pause } from "./pool-ground.ts"

export interface PoolLoopOptions {
  seconds: number
  seed: number
  /** an empty directory; stays */
  directory: string
  every?: KillEvery
  say?(line: string): void
}

export interface PoolLoopReport {
  kills: Kills
  operations: number
  acknowledged: number
  failures: string[]
  /** from the last kill until everything was where it belongs */
  settleSeconds: number
}

const CLIENTS = 8
const OWN_KEYS = 12

export async function runPoolLoop(options: PoolLoopOptions): Promise<PoolLoopReport> {
  const { directory, say = () => {} } = options
  const every = options.every ?? { worker: 1_000, redis: 5_000, server: 10_000 }
  const random = new SeededRandom(options.seed)
  const ground = await openPoolGround(directory, { checksums: ["sha256", "xxh3"] })
  const { environment, kills, roots, store, workers } = ground
  const world: World = {
    contents: new ContentMaker(random.fork()),
    shared: Array.from({ length: 4 }, (_, index) => new SharedKey(`shared-${index}`)),
    failures: [],
    operations: 0,
    acknowledged: 0,
  }
  const clients: Client[] = Array.from({ length: CLIENTS }, (_, client) => ({
    random: random.fork(),
    own: Array.from({ length: OWN_KEYS }, (_, index) => new OwnKey(`own/${client}/key ${index}`)),
  }))
  const over = new AbortController()
  try {
    for (const worker of workers) worker.start()
    const killing = ground.killing(every, random, over.signal)
    const end = performance.now() + options.seconds * 1000
    while (performance.now() < end && world.failures.length < 20) {
      await live(environment, clients, world, Math.min(every.server, end - performance.now()))
      kills.server += 1
      say(`${kills.server} lives of the server, ${world.operations} calls, ${world.failures.length} failures`)
    }
    over.abort()
    await killing
    const settling = performance.now()
    await checkEnd({ store, environment, roots, world, own: clients.flatMap(({ own }) => own) })
    const settleSeconds = Math.round((performance.now() - settling) / 100) / 10
    if (world.failures.length > 0) world.failures.push(...workers.map(({ output }) => `a worker said: ${output}`))
    await Promise.all(workers.map((worker) => worker.begun()))
    const codes = await Promise.all(workers.map((worker) => worker.kill("SIGTERM")))
    if (codes.some((code) => code !== 0)) world.failures.push(`workers ended by SIGTERM with ${codes.join(", ")}`)
    await consultDoctor(store, world, kills.server)
    const { operations, acknowledged, failures } = world
    return { kills, operations, acknowledged, failures, settleSeconds }
  } finally {
    over.abort()
    await ground.close()
  }
}

async function live(environment: Record<string, string>, clients: Client[], world: World, ms: number): Promise<void> {
  const server = ServerProcess.start(environment)
  try {
    await server.ready()
    const load = clients.map((client) => runClient(client, world, server))
    await pause(Math.max(ms, 0))
    await server.kill()
    await Promise.all(load)
  } catch (error) {
    world.failures.push(error instanceof Error ? error.message : String(error))
  } finally {
    await server.kill()
  }
}
