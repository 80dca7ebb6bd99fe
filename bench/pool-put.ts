/** What Redis costs a put: its time at the 99th percentile in the pool shape, with Redis there, with Redis away, and in the embedded shape. */
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { openStore } from "../src/compose.ts"
import { type Contender, inFlight, interleave, ratio, type Sample } from "./measure.ts"
import type { Bench, Section } from "./subject.ts"

const THERE = "pool, Redis there"
const AWAY = "pool, Redis away"
const EMBEDDED = "embedded, its outbox not worked off"
const NOBODY = "redis://127.0.0.1:1"
const WIDTH = 8
const HIGH = 0.99

export async function putLatency(bench: Bench, url: string): Promise<Section> {
  const puts = bench.quick ? 200 : 4000
  let turn = 0
  const contender = (name: string, redis: string | null): Contender => ({
    name: `put at the 99th percentile: ${name}`,
    unit: "calls/s",
    run: async () => {
      const directory = join(bench.directory, `put-latency-${turn++}`)
      await mkdir(directory)
      return measure(directory, redis, `put${turn}`, puts, name)
    },
  })
  const contenders = [contender(THERE, url), contender(AWAY, NOBODY), contender(EMBEDDED, null)]
  const measured = await interleave(contenders, { ...bench, progress: (line) => bench.say(`put latency: ${line}`) })
  const time = (what: string, peer: string): number =>
    ratio(measured, `put at the 99th percentile: ${peer}`, `put at the 99th percentile: ${what}`)
  return {
    title: `${puts} durable puts of 4 KiB, ${WIDTH} in flight: how many a second if all took as long as the slow ones`,
    measured,
    claims: [
      {
        text: "time of a slow put with Redis away / with Redis there",
        value: time(AWAY, THERE),
        unit: "×",
        goal: { atMost: 1.1 },
      },
      { text: "time of a slow put with Redis there / embedded", value: time(THERE, EMBEDDED), unit: "×" },
    ],
  }
}

async function measure(
  directory: string,
  redis: string | null,
  prefix: string,
  puts: number,
  name: string,
): Promise<Sample> {
  const { store } = await openStore(
    {
      data: join(directory, "data"),
      backends: { copy: { driver: "fs", root: join(directory, "copy") } },
      defaultBackends: ["copy"],
    },
    redis === null ? { work: false } : { redis: { url: redis, prefix } },
  )
  try {
    const times: number[] = []
    await inFlight(WIDTH, puts, async (index) => {
      const begun = performance.now()
      await store.put(Buffer.alloc(4096, `content ${index} `), { key: `key/${index}` })
      times.push(performance.now() - begun)
    })
    times.sort((a, b) => a - b)
    const at = (share: number): number => 1000 / times[Math.floor(times.length * share)]!
    return { rate: at(HIGH), also: { [`put at the median: ${name}`]: at(0.5) } }
  } finally {
    await store.close()
  }
}
