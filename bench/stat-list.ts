/**
 * `stat` and `list` over 100,000 objects, from one caller, which is one core: calls are awaited one after the other, and the keys that are
 * asked for are drawn at random. Beside it what a naive store does: read and parse a JSON file; and the limit: as many rows from LMDB, as JSON, with no
 * checksum, no page between two turns of the event loop, and nothing made of them. The goals are asked of the clock; the lines "per second of
 * processor time" tell the same on a machine that is busy with something else.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Store } from "../src/store/store.ts"
import { type BareRows, openBareRows } from "./bare-rows.ts"
import { type Contender, find, inFlight, interleave, median, type Sample, timed } from "./measure.ts"
import { type Bench, type Claim, type Section, type Subject, timesFaster } from "./subject.ts"
import { openBenchStore, requireRows } from "./subject-store.ts"

/** A sample is long enough that what V8 does for code that runs for the first time since a full collection is not most of it. */
const STATS_AN_OBJECT = 3
const LISTS = 5
/** The naive peer gets fewer, which only helps it. */
const SIDECARS = 2000

export const statList: Subject = {
  name: "stat-list",
  about: "stat of random keys and list of everything, 100,000 objects",
  measure: async (bench: Bench): Promise<Section[]> => {
    const count = bench.quick ? 5000 : 100_000
    const directory = join(bench.directory, "stat-list")
    const sidecars = join(bench.directory, "sidecars")
    const opened = await openBenchStore(directory)
    const bare = await openBareRows(join(directory, "bare"), count, keyOf)
    try {
      bench.say(`stat and list: putting ${count} objects`)
      await inFlight(64, count, (index) =>
        opened.store.put(Buffer.from(`object number ${index}`), { key: keyOf(index), durability: "os" }),
      )
      requireRows(opened, count)
      await writeSidecars(sidecars)
      return [await measureReads(bench, opened.store, bare, count, sidecars)]
    } finally {
      await bare.close()
      await opened.store.close()
    }
  },
}

const STAT = "StoreD stat, one after the other"
const STAT_MANY = "StoreD stat, 32 in flight"
const LIST = "StoreD list"
const BARE_STAT = "limit: three JSON rows from a bare LMDB"
const BARE_LIST = "limit: a range of JSON rows from a bare LMDB"
const SIDECAR_STAT = "naive: readFile, JSON.parse"
const SIDECAR_LIST = "naive: readdir, readFile, JSON.parse"

async function measureReads(
  bench: Bench,
  store: Store,
  bare: BareRows,
  count: number,
  sidecars: string,
): Promise<Section> {
  const title = `stat and list of ${count.toLocaleString("en-US")} objects`
  const contenders: Contender[] = [
    { name: SIDECAR_STAT, unit: "calls/s", run: () => sidecarStats(sidecars) },
    { name: BARE_STAT, unit: "calls/s", run: async () => ({ rate: bare.stats(count * STATS_AN_OBJECT) }) },
    { name: STAT, unit: "calls/s", run: () => stats(STAT, store, count, 1) },
    { name: STAT_MANY, unit: "calls/s", run: () => stats(STAT_MANY, store, count, 32) },
    { name: "StoreD stat of absent keys", unit: "calls/s", run: () => absent(store, count) },
    { name: SIDECAR_LIST, unit: "objects/s", run: () => sidecarList(sidecars) },
    { name: BARE_LIST, unit: "objects/s", run: async () => ({ rate: bare.list(LISTS) }) },
    { name: LIST, unit: "objects/s", run: () => list(LIST, store, count) },
  ]
  const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`${title}: ${line}`) })
  const claims: Claim[] = [
    { text: STAT, value: median(find(measured, STAT).rates), unit: "/s", goal: { atLeast: 100_000 } },
    { text: LIST, value: median(find(measured, LIST).rates), unit: "/s", goal: { atLeast: 200_000 } },
    timesFaster(measured, STAT, BARE_STAT),
    timesFaster(measured, LIST, BARE_LIST),
    timesFaster(measured, STAT, SIDECAR_STAT),
    timesFaster(measured, LIST, SIDECAR_LIST),
  ]
  return { title, measured, claims }
}

function keyOf(index: number): string {
  return `photos/${index % 997}/holiday-${index}.jpg`
}

/** A rate by the clock, and one by the processor time of all threads of the process, the collector's too. */
async function byBothClocks(name: string, amount: number, work: () => Promise<unknown>): Promise<Sample> {
  const before = process.cpuUsage()
  const seconds = await timed(work)
  const { user, system } = process.cpuUsage(before)
  return {
    rate: amount / seconds,
    also: { [`${name}, per second of processor time`]: (amount * 1e6) / (user + system) },
  }
}

async function stats(name: string, store: Store, count: number, width: number): Promise<Sample> {
  const calls = count * STATS_AN_OBJECT
  const keys = Array.from({ length: calls }, () => keyOf(Math.floor(Math.random() * count)))
  return byBothClocks(name, calls, () =>
    inFlight(width, calls, async (index) => {
      const metadata = await store.stat(keys[index]!)
      if (metadata?.key !== keys[index] || metadata?.locations.length !== 1) throw new Error("stat: a wrong answer")
    }),
  )
}

async function absent(store: Store, count: number): Promise<Sample> {
  const seconds = await timed(() =>
    inFlight(1, count, async (index) => {
      if (await store.stat(`photos/absent-${index}`)) throw new Error("stat: an absent key was found")
    }),
  )
  return { rate: count / seconds }
}

async function list(name: string, store: Store, count: number): Promise<Sample> {
  let found = 0
  const sample = await byBothClocks(name, count * LISTS, async () => {
    for (let turn = 0; turn < LISTS; turn += 1)
      for await (const object of store.list({ prefix: "photos/" })) found += object.key === "" ? 0 : 1
  })
  if (found !== count * LISTS) throw new Error(`list: ${found / LISTS} objects instead of ${count}`)
  return sample
}

async function writeSidecars(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (let index = 0; index < SIDECARS; index += 1) {
    const record = { key: keyOf(index), checksum: `sha256:${"0".repeat(64)}`, size: 20, created: index, custom: {} }
    await writeFile(join(directory, `${index}.json`), JSON.stringify(record))
  }
}

async function readSidecar(path: string): Promise<void> {
  const record: unknown = JSON.parse(await readFile(path, "utf8"))
  if (typeof record !== "object" || record === null) throw new Error("a bad sidecar")
}

async function sidecarStats(directory: string): Promise<Sample> {
  const seconds = await timed(() => inFlight(1, SIDECARS, (index) => readSidecar(join(directory, `${index}.json`))))
  return { rate: SIDECARS / seconds }
}

async function sidecarList(directory: string): Promise<Sample> {
  const seconds = await timed(async () => {
    for (const name of await readdir(directory)) await readSidecar(join(directory, name))
  })
  return { rate: SIDECARS / seconds }
}
