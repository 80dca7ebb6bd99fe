/**
 * Memory of the server while 50 uploads and 50 downloads run at once, looked at from outside: its own pages, not the catalog's that the page cache
 * shows as resident (see test/process-memory.ts). As `npm start` runs it, and with the limits that the systemd unit sets.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { watchMemory } from "../test/process-memory.ts"
import { run } from "./command.ts"
import { GIB, MIB, sizeName } from "./content.ts"
import type { ClientAnswer, ClientTask } from "./doors-client.ts"
import { type Door, openOurs } from "./doors-servers.ts"
import { LIMITS } from "./limits.ts"
import type { Measured } from "./measure.ts"
import type { Bench, Claim, Section } from "./subject.ts"

const EACH_WAY = 50
/** MiB */
const MOST = 400
const CLIENT = fileURLToPath(new URL("doors-client.ts", import.meta.url))

export async function measureMemory(bench: Bench): Promise<Section> {
  const size = bench.quick ? 4 * MIB : GIB
  const title = `memory while ${EACH_WAY} uploads and ${EACH_WAY} downloads of ${sizeName(size)} run`
  const measured: Measured[] = []
  const claims: Claim[] = []
  const notes: string[] = []
  for (const [name, env] of [
    ["as npm start", {}],
    ["limits of the unit", LIMITS],
  ] as const) {
    bench.say(`${title}: ${name}`)
    const { rate, own, resident } = await transfer(bench.directory, size, env)
    measured.push({ name: `both ways, ${name}`, unit: "MB/s", rates: [rate] })
    claims.push({
      text: `own memory (${own} MiB), ${name}, as a multiple of ${MOST} MiB`,
      value: own / MOST,
      unit: "×",
      goal: { atMost: 1 },
    })
    notes.push(`${name}: ${own} MiB of its own at most, ${resident} MiB resident with what is mapped.`)
  }
  return { title, measured, claims, notes }
}

async function transfer(directory: string, size: number, env: Record<string, string>) {
  const place = await mkdtemp(join(directory, "memory-"))
  const door = await openOurs(place, env)
  const memory = watchMemory(door.pid)
  try {
    await ask(door, "put", "source", 1, size)
    const both = await Promise.all([
      ask(door, "put", "upload-*", EACH_WAY, size),
      ask(door, "get", "source", EACH_WAY, size),
    ])
    const seconds = Math.max(...both.map((each) => each.seconds))
    return { rate: (2 * EACH_WAY * size) / 1e6 / seconds, ...memory.peaks() }
  } finally {
    memory.end()
    await door.end()
    await rm(place, { recursive: true })
  }
}

async function ask(door: Door, how: "put" | "get", name: string, count: number, size: number): Promise<ClientAnswer> {
  const task: ClientTask = { origin: door.origin, path: door.folder + name, how, size, count, width: count }
  return JSON.parse(await run(process.execPath, [CLIENT, JSON.stringify(task)])) as ClientAnswer
}
