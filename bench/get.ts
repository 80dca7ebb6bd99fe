/**
 * Reads from staging, as Buffer and as stream, verified and not, beside fs.readFile and cat of the same bytes. All of it comes from memory:
 * what is measured is the way through the store, not the disk. The goal is asked of reads that are verified, which is the default.
 */
import { createReadStream } from "node:fs"
import { mkdtemp, readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Store } from "../src/store/store.ts"
import { run, shell } from "./command.ts"
import { KIB, MIB, randomBuffers, sizeName, writeFiles, writeLargeFile } from "./content.ts"
import { type Contender, inFlight, interleave, timed, type Unit } from "./measure.ts"
import { type Bench, type Section, type Subject, timesFaster } from "./subject.ts"
import { openBenchStore } from "./subject-store.ts"

interface Reads {
  /** bytes of one blob */
  size: number
  /** blobs */
  count: number
  /** reads of a round */
  reads: number
  /** reads at a time */
  width: number
}

export const getSubject: Subject = {
  name: "get",
  about: "4 KiB, 1 MiB, 1 GiB from staging: Buffer and stream, verified and not",
  measure: async (bench: Bench): Promise<Section[]> => {
    const small = { size: 4 * KIB, count: 1000, reads: bench.quick ? 1000 : 10_000 }
    const middle = { size: MIB, count: 64, reads: bench.quick ? 64 : 512 }
    const large = { size: (bench.quick ? 64 : 1024) * MIB, count: 1, reads: 1, width: 1 }
    return [
      await measureReads(bench, { ...small, width: 1 }),
      await measureReads(bench, { ...small, width: 32 }),
      await measureReads(bench, { ...middle, width: 1 }),
      await measureReads(bench, { ...middle, width: 32 }),
      await measureReads(bench, large),
    ]
  },
}

const DEFAULT_STREAM = "StoreD stream"
const CAT = "cat > /dev/null"

async function measureReads(bench: Bench, reads: Reads): Promise<Section> {
  const { size, count, width } = reads
  const title = `get ${sizeName(size)}, ${width} in flight`
  bench.say(`${title}: filling a store`)
  const directory = await mkdtemp(join(bench.directory, "get-"))
  const paths =
    count > 1
      ? await writeFiles(join(directory, "sources"), randomBuffers(count, size))
      : [await writeLargeFile(join(directory, "large"), size)]
  const { store } = await openBenchStore(directory)
  try {
    await inFlight(8, count, (index) => store.put(paths[index]!, { key: `object/${index}` }))
    const measured = await interleave(contenders(store, paths, reads), {
      ...bench,
      progress: (line) => bench.say(`${title}: ${line}`),
    })
    const against = (ours: string, peer: string, goal?: number) => timesFaster(measured, ours, peer, goal)
    const pairs = [
      against("StoreD Buffer", "fs.readFile"),
      against("StoreD Buffer, verify: false", "fs.readFile"),
      against(DEFAULT_STREAM, "fs.createReadStream"),
      against("StoreD stream, verify: false", "fs.createReadStream"),
    ]
    const claims =
      count > 1
        ? pairs
        : [
            against(DEFAULT_STREAM, CAT, 0.7),
            against("StoreD Buffer", CAT),
            against("StoreD stream, verify: false", CAT, 0.7),
            against("limit: openssl dgst -sha256", CAT),
            against(DEFAULT_STREAM, "limit: openssl dgst -sha256"),
            ...pairs,
          ]
    return { title, measured, claims }
  } finally {
    await store.close()
  }
}

function contenders(store: Store, paths: string[], { size, count, reads, width }: Reads): Contender[] {
  const isLarge = count === 1
  const unit: Unit = isLarge ? "MB/s" : "gets/s"
  const amount = isLarge ? size / 1e6 : reads
  const contender = (name: string, read: (index: number) => Promise<number>): Contender => ({
    name,
    unit,
    run: async () => {
      const seconds = await timed(() =>
        inFlight(width, reads, async (turn) => {
          const bytes = await read(turn % count)
          if (bytes !== size) throw new Error(`${name}: ${bytes} bytes came instead of ${size}.`)
        }),
      )
      return { rate: amount / seconds }
    },
  })
  const asBuffer = (options: { verify?: false }) => async (index: number) =>
    (await store.get(`object/${index}`, options)).length
  const asStream = (options: { verify?: false }) => async (index: number) =>
    length(await store.get(`object/${index}`, { stream: true, ...options }))
  const program = (name: string, work: () => Promise<unknown>) =>
    contender(name, async () => {
      await work()
      return size
    })
  const common = [
    contender("fs.readFile", async (index) => (await readFile(paths[index]!)).length),
    contender("StoreD Buffer", asBuffer({})),
    contender("StoreD Buffer, verify: false", asBuffer({ verify: false })),
    contender("fs.createReadStream", (index) => length(createReadStream(paths[index]!))),
    contender(DEFAULT_STREAM, asStream({})),
    contender("StoreD stream, verify: false", asStream({ verify: false })),
  ]
  if (!isLarge) return common
  return [
    program(CAT, () => shell('cat "$1" > /dev/null', paths[0]!)),
    ...common,
    program("limit: openssl dgst -sha256", () => run("openssl", ["dgst", "-sha256", paths[0]!])),
  ]
}

async function length(stream: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0
  for await (const chunk of stream) bytes += chunk.length
  return bytes
}
