/** Stores whose archives are made of sources that a test has in its hands. */
import { Readable } from "node:stream"
import { archive } from "../../src/store/archive/archive.ts"
import type { OpenedBlob, Store } from "../../src/store/store.ts"
import { mapStore } from "./map-store.ts"

export interface WatchedSources {
  store: Store
  /** keys in the order in which they were opened */
  opened: string[]
  /** sources that are open at this time, and the most that ever were */
  now: number
  most: number
  /** bytes that were taken from sources */
  taken: number
  /** resolves when a source is closed and none is open */
  freed: Promise<void>
}

/** Objects `p/0`, `p/1`, … of so many bytes. @param content what the stream of one is, in place of its bytes */
export async function watchedSources(
  sizes: readonly number[],
  content: (index: number, size: number) => AsyncIterable<Buffer> = bytes,
): Promise<WatchedSources> {
  const map = mapStore()
  for (const [index] of sizes.entries()) await map.put(Buffer.from(`${index}`), { key: `p/${index}` })
  const { promise: freed, resolve } = Promise.withResolvers<void>()
  const watched: WatchedSources = { store: map, opened: [], now: 0, most: 0, taken: 0, freed }
  const sized = <Facts extends { key: string | null; size: number }>(facts: Facts): Facts => ({
    ...facts,
    size: sizes[Number(facts.key?.slice(2))]!,
  })
  const open = async (key: string): Promise<OpenedBlob> => {
    const opened = await map.open(key)
    const metadata = sized(opened.metadata)
    opened.stream.destroy()
    watched.opened.push(key)
    watched.now += 1
    watched.most = Math.max(watched.most, watched.now)
    const stream = Readable.from(content(Number(key.slice(2)), metadata.size), { objectMode: false })
    stream.on("data", (chunk: Buffer) => (watched.taken += chunk.length)).pause()
    stream.once("close", () => {
      watched.now -= 1
      if (watched.now === 0) resolve()
    })
    return { ...opened, metadata, range: { start: 0, end: metadata.size }, stream }
  }
  async function* list(options: Parameters<Store["list"]>[0]) {
    for await (const object of map.list(options)) yield sized(object)
  }
  watched.store = { ...map, archive: (options) => archive({ list, open }, options) }
  return watched
}

export async function* bytes(_index: number, size: number): AsyncGenerator<Buffer> {
  for (let left = size; left > 0; left -= 65_536) yield Buffer.alloc(Math.min(left, 65_536), 97)
}
