/**
 * The kill loop: a real server under a mixed load, killed without a word at a random moment, looked at by the doctor, started again on the
 * same data, and so on. It keeps a model of what was acknowledged and holds the store to it: no acknowledged put lost or corrupt, what
 * was deleted stays deleted, the doctor clean after every kill, and in the end every copy made by itself.
 *
 * Now and then the server is killed while it starts up, so that recovery is killed too; those kills are counted apart.
 */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { type Client, read, readShared, runClient, type World } from "./kill-client.ts"
import { ContentMaker } from "./kill-content.ts"
import { consultDoctor } from "./kill-doctor.ts"
import { checkEnd } from "./kill-end.ts"
import { OwnKey, SharedKey } from "./kill-model.ts"
import { SeededRandom } from "./kill-random.ts"
import { ServerProcess } from "./kill-server.ts"

export interface KillLoopOptions {
  kills: number
  seed: number
  /** an empty directory; stays */
  directory: string
  /** told of progress, a line at a time */
  say?(line: string): void
}

export interface KillLoopReport {
  seed: number
  kills: number
  /** kills while the server was starting */
  startKills: number
  operations: number
  acknowledged: number
  failures: string[]
  seconds: number
}

const LONGEST_LIFE = 800
const OWN_KEYS = 6
const SHARED_KEYS = 4
const SAMPLE = 12
const ENOUGH_FAILURES = 20

export async function runKillLoop(options: KillLoopOptions): Promise<KillLoopReport> {
  const { kills, seed, directory, say = () => {} } = options
  const begun = performance.now()
  const random = new SeededRandom(seed)
  const config = await prepare(directory)
  const world: World = {
    contents: new ContentMaker(random.fork()),
    shared: Array.from({ length: SHARED_KEYS }, (_, index) => new SharedKey(`shared-${index}`)),
    failures: [],
    operations: 0,
    acknowledged: 0,
  }
  const clients: Client[] = Array.from({ length: 16 }, (_, client) => ({
    random: random.fork(),
    own: Array.from({ length: OWN_KEYS }, (_, index) => new OwnKey(`own/${client}/key ${index}`)),
  }))
  let done = 0
  let startKills = 0
  for (; done < kills && world.failures.length < ENOUGH_FAILURES; done += 1) {
    if (random.chance(0.2)) {
      await killWhileStarting(config.environment, random)
      startKills += 1
    }
    const active = clients.slice(0, 8 + random.below(9))
    await live(config.environment, active, world, random, sample(clients, random))
    await consultDoctor(config.store, world, done)
    if ((done + 1) % 25 === 0) say(`${done + 1} kills, ${world.operations} calls, ${world.failures.length} failures`)
  }
  const keys = clients.flatMap((client) => client.own)
  await checkEnd({ ...config, world, own: keys })
  await consultDoctor(config.store, world, done)
  const seconds = Math.round((performance.now() - begun) / 100) / 10
  const { operations, acknowledged, failures } = world
  return { seed, kills: done, startKills, operations, acknowledged, failures, seconds }
}

export interface KillConfig {
  store: StoreConfigInput
  environment: Record<string, string>
  roots: string[]
}

async function prepare(directory: string): Promise<KillConfig> {
  const data = join(directory, "data")
  const roots = [join(directory, "a"), join(directory, "b")]
  for (const root of roots) await mkdir(root)
  const settings: StoreConfigInput = {
    backends: { a: { driver: "fs", root: roots[0] }, b: { driver: "fs", root: roots[1] } },
    defaultBackends: ["a", "b"],
    checksums: ["sha256", "xxh3"],
  }
  const path = join(directory, "config.json")
  await writeFile(path, JSON.stringify(settings))
  return { store: { ...settings, data }, environment: { STORED_DATA: data, STORED_CONFIG: path }, roots }
}

/** One life of the server: it starts, a sample of keys is read, the load runs, and it is killed. */
async function live(
  environment: Record<string, string>,
  clients: Client[],
  world: World,
  random: SeededRandom,
  look: OwnKey[],
): Promise<void> {
  const server = ServerProcess.start(environment)
  try {
    await server.ready()
    await Promise.all([
      ...look.map((key) => read("GET", key, world, server)),
      ...world.shared.map((key) => readShared(key, world, server)),
    ])
    const load = clients.map((client) => runClient(client, world, server))
    // Only a random moment can do here: the crash points that have a name are enumerated by `store-crash-points`.
    await new Promise((resolve) => setTimeout(resolve, random.below(LONGEST_LIFE)))
    await server.kill()
    await Promise.all(load)
  } catch (error) {
    world.failures.push(error instanceof Error ? error.message : String(error))
  } finally {
    await server.kill()
  }
}

async function killWhileStarting(environment: Record<string, string>, random: SeededRandom): Promise<void> {
  const server = ServerProcess.start(environment)
  await new Promise((resolve) => setTimeout(resolve, 150 + random.below(500)))
  await server.kill()
}

function sample(clients: Client[], random: SeededRandom): OwnKey[] {
  const keys = clients.flatMap((client) => client.own)
  return [...new Set(Array.from({ length: SAMPLE }, () => random.pick(keys)))]
}
