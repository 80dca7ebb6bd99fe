/**
 * PUT and GET over HTTP, beside a bare `node:http` server, `@tus/server` and nginx: the same client, connections and bodies. Then the memory of ours
 * while many large bodies come and go at once. nginx neither hashes nor syncs; it shows what the machine and the client can do.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { run } from "./command.ts"
import { GIB, KIB, MIB, sizeName } from "./content.ts"
import type { ClientAnswer, ClientTask } from "./doors-client.ts"
import { measureMemory } from "./doors-memory.ts"
import { type Door, openBare, openNginx, openOurs, openTus } from "./doors-servers.ts"
import { type Contender, interleave, type Measured, median } from "./measure.ts"
import { type Bench, type Claim, type Section, type Subject, timesFaster } from "./subject.ts"

interface Load {
  size: number
  /** bodies of a round */
  count: number
  /** connections */
  width: number
}

const LOADS: Load[] = [
  { size: 4 * KIB, count: 3000, width: 32 },
  { size: MIB, count: 192, width: 16 },
  { size: GIB, count: 1, width: 1 },
]
const QUICK: Load[] = [
  { size: 4 * KIB, count: 300, width: 32 },
  { size: MIB, count: 16, width: 16 },
  { size: 64 * MIB, count: 1, width: 1 },
]
const CLIENT = fileURLToPath(new URL("doors-client.ts", import.meta.url))
const BARE = "bare node:http"
const TUS = "@tus/server"
const NGINX = "nginx (syncs nothing)"
const OURS = "StoreD"
const UNVERIFIED = "StoreD, verify=false"
/** a client that has a processor for so much of the time may be what is measured */
const TOO_BUSY = 0.9

export const doors: Subject = {
  name: "doors",
  about: "PUT and GET over HTTP beside bare node:http, @tus/server and nginx; memory under 50 uploads and 50 downloads",
  measure: async (bench: Bench): Promise<Section[]> => {
    const sections: Section[] = []
    for (const load of bench.quick ? QUICK : LOADS) sections.push(...(await measureLoad(bench, load)))
    sections.push(await measureMemory(bench))
    return sections
  },
}

/** Puts first; what the warm-up has put is what is read afterwards. */
async function measureLoad(bench: Bench, load: Load): Promise<Section[]> {
  const place = await mkdtemp(join(bench.directory, "doors-"))
  const opened: Door[] = []
  try {
    for (const open of [openBare, openOurs, openTus, openNginx]) {
      const door = await open(place)
      if (door) opened.push(door)
    }
    const notes = opened.some(({ name }) => name === NGINX) ? [] : ["**nginx is not installed: its row is missing.**"]
    return [await measurePuts(bench, opened, load, notes), await measureGets(bench, opened, load, notes)]
  } finally {
    for (const door of opened) await door.end()
    await rm(place, { recursive: true })
  }
}

async function measurePuts(bench: Bench, opened: Door[], load: Load, notes: string[]): Promise<Section> {
  const busy = new Map<string, number[]>()
  const contenders = opened.map((door) =>
    contender(door.name, load, busy, (round) => ({
      origin: door.origin,
      path: `${door.folder}body-${round}-*`,
      how: door.put,
    })),
  )
  const { title, measured } = await measure(bench, "PUT", load, contenders)
  const claims = [
    timesFaster(measured, OURS, BARE, 0.9),
    timesFaster(measured, OURS, TUS, 1.2),
    ...besideNginx(measured, [OURS, BARE]),
  ]
  return {
    title,
    measured,
    claims: named("PUT", load, claims),
    notes: [...notes, "StoreD's copies wait meanwhile.", ...busyNotes(busy)],
  }
}

async function measureGets(bench: Bench, opened: Door[], load: Load, notes: string[]): Promise<Section> {
  const busy = new Map<string, number[]>()
  const reader = (name: string, door: Door, query = ""): Contender =>
    contender(name, load, busy, () => ({
      origin: door.origin,
      path: `${door.folder}body-0-*${query}`,
      how: "get",
    }))
  const contenders = opened.flatMap((door) =>
    door.name === TUS
      ? []
      : door.name === OURS
        ? [reader(OURS, door), reader(UNVERIFIED, door, "?verify=false")]
        : [reader(door.name, door)],
  )
  const { title, measured } = await measure(bench, "GET", load, contenders)
  const claims = [
    timesFaster(measured, OURS, BARE, 0.9),
    timesFaster(measured, UNVERIFIED, BARE),
    ...besideNginx(measured, [OURS, BARE]),
  ]
  return { title, measured, claims: named("GET", load, claims), notes: [...notes, ...busyNotes(busy)] }
}

async function measure(bench: Bench, verb: string, load: Load, contenders: Contender[]) {
  const title = `${verb} ${sizeName(load.size)} over HTTP, ${load.width} in flight, ${load.count} a round`
  const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`${title}: ${line}`) })
  return { title, measured }
}

function contender(
  name: string,
  load: Load,
  busy: Map<string, number[]>,
  task: (round: number) => Pick<ClientTask, "origin" | "path" | "how">,
): Contender {
  const isLarge = load.count === 1
  return {
    name,
    unit: isLarge ? "MB/s" : "calls/s",
    run: async (round) => {
      const words: ClientTask = { ...load, ...task(round) }
      const answer = JSON.parse(await run(process.execPath, [CLIENT, JSON.stringify(words)])) as ClientAnswer
      if (round > 0) busy.set(name, [...(busy.get(name) ?? []), answer.busy])
      return { rate: (isLarge ? load.size / 1e6 : load.count) / answer.seconds }
    },
  }
}

/** The verdict at the end lists claims of all sections beside each other. */
function named(verb: string, { size }: Load, claims: Claim[]): Claim[] {
  return claims.map((claim) => ({ ...claim, text: `${verb} ${sizeName(size)}: ${claim.text}` }))
}

function besideNginx(measured: Measured[], names: string[]): Claim[] {
  return measured.some(({ name }) => name === NGINX) ? names.map((name) => timesFaster(measured, name, NGINX)) : []
}

/** Says how much of the time the client had a processor, and whether it was the limit. */
function busyNotes(busy: Map<string, number[]>): string[] {
  const shares = [...busy].map(([name, values]) => [name, median(values)] as const)
  const told = shares.map(([name, share]) => `${name} ${Math.round(share * 100)}%`).join(", ")
  const limited = shares.filter(([, share]) => share > TOO_BUSY).map(([name]) => name)
  return [
    `The client had a processor for this share of the time: ${told}.`,
    ...(limited.length > 0 ? [`**The client was the limit beside ${limited.join(" and ")}.**`] : []),
  ]
}
