/**
 * Many puts of one size: Buffer, stream and path, durable and not, beside the peers. A round gives each contender an empty directory, so
 * that nobody profits from what stood there before. Everything that was put is read back and compared, outside the time.
 *
 * Nothing is deleted between rounds: a file system may be slow to give out the inodes of files that were deleted a moment ago (ext4 without a
 * journal looks at each of them again for minutes), and every put of the next round would pay for that.
 */
import { mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import type { Durability, PutInput } from "../src/store/store.ts"
import { randomBuffers, sizeName, writeFiles } from "./content.ts"
import { type Contender, inFlight, interleave, type Sample, timed } from "./measure.ts"
import { type OpenPeer, openBareLoop, openCacache, openRawFsync, openSidecar } from "./peers.ts"
import { type Bench, type Claim, type Section, timesFaster } from "./subject.ts"
import { openBenchStore, requireRows } from "./subject-store.ts"

export interface Matrix {
  /** bytes of one blob */
  size: number
  /** blobs of a round */
  count: number
  /** puts at a time */
  width: number
  goals?: { cacache: number; bare: number }
}

interface Material {
  directory: string
  buffers: Buffer[]
  paths: string[]
  width: number
}

const CACACHE = "cacache.put (syncs nothing)"
const BARE = "bare loop: write, fdatasync, rename"
const RAW = "raw: write, fsync, rename"
const SIDECAR = "naive: writeFile, sha256, JSON sidecar (syncs nothing)"
const OURS = "StoreD Buffer, durable"

export async function measureMatrix(bench: Bench, matrix: Matrix): Promise<Section> {
  const { size, count, width, goals } = matrix
  const buffers = randomBuffers(count, size)
  const directory = await mkdtemp(join(bench.directory, "put-"))
  const paths = await writeFiles(join(directory, "sources"), buffers)
  const material = { directory, buffers, paths, width }
  const title = `put ${sizeName(size)}, ${width} in flight, ${count} blobs a round`
  const measured = await interleave(contenders(material), {
    ...bench,
    progress: (line) => bench.say(`${title}: ${line}`),
  })
  const claims: Claim[] = [
    timesFaster(measured, OURS, CACACHE, goals?.cacache),
    timesFaster(measured, OURS, BARE, goals?.bare),
    timesFaster(measured, OURS, RAW),
    timesFaster(measured, OURS, SIDECAR),
  ]
  return { title, measured, claims }
}

function contenders(material: Material): Contender[] {
  const { buffers, paths } = material
  const stream = (index: number): PutInput => Readable.from([buffers[index]!], { objectMode: false })
  return [
    peer(CACACHE, openCacache, material),
    ours(OURS, (index) => buffers[index]!, "staged", material),
    peer(BARE, openBareLoop, material),
    ours("StoreD stream, durable", stream, "staged", material),
    ours("StoreD path, durable", (index) => paths[index]!, "staged", material),
    peer(RAW, openRawFsync, material),
    ours("StoreD Buffer, os", (index) => buffers[index]!, "os", material),
    ours("StoreD stream, os", stream, "os", material),
    ours("StoreD path, os", (index) => paths[index]!, "os", material),
    peer(SIDECAR, openSidecar, material),
  ]
}

function peer(name: string, open: OpenPeer, { directory, buffers, width }: Material): Contender {
  const count = buffers.length
  const once = async (): Promise<Sample> => {
    const target = await open(await mkdtemp(join(directory, "peer-")))
    const seconds = await timed(() => inFlight(width, count, (index) => target.put(index, buffers[index]!)))
    await inFlight(width, count, async (index) => requireSame(await target.get(index), buffers[index]!, name))
    return { rate: count / seconds }
  }
  return { name, unit: "puts/s", run: once }
}

function ours(name: string, input: (index: number) => PutInput, durability: Durability, material: Material): Contender {
  const { directory, buffers, width } = material
  const count = buffers.length
  const once = async (): Promise<Sample> => {
    const opened = await openBenchStore(await mkdtemp(join(directory, "ours-")))
    const { store } = opened
    try {
      const putAll = () =>
        inFlight(width, count, (index) => store.put(input(index), { key: `object/${index}`, durability }))
      const seconds = await timed(putAll)
      requireRows(opened, count)
      await inFlight(width, count, async (index) =>
        requireSame(await store.get(`object/${index}`), buffers[index]!, name),
      )
      const closing = await timed(() => store.close())
      // Work that was put off is done at the latest when the store closes.
      return {
        rate: count / seconds,
        ...(name === OURS && { also: { [`${name}, until closed`]: count / (seconds + closing) } }),
      }
    } finally {
      await store.close()
    }
  }
  return { name, unit: "puts/s", run: once }
}

function requireSame(found: Buffer, expected: Buffer, name: string): void {
  if (!found.equals(expected)) throw new Error(`${name}: other bytes were read than were put.`)
}
