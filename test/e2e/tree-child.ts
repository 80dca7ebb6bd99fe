/**
 * The process under measurement in `tree.test.ts`: puts trees by path, 32 files at a time, waits until every copy is proven, lists,
 * and reads everything back by stream into another directory: one half from staging, the rest from a backend after staging was cleared.
 *
 * Started with one JSON argument; answers with one line of JSON.
 */
import { once } from "node:events"
import { createWriteStream } from "node:fs"
import { mkdir, readdir } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import { finished, pipeline } from "node:stream/promises"
import { createStore } from "../../src/index.ts"

export interface TreeTask {
  data: string
  /** roots of the two backends */
  backends: [string, string]
  /** directory → prefix of its keys */
  sources: { directory: string; prefix: string }[]
  /** where what is read back goes */
  readBack: string
  /** file that gets what `list` shows, a line of JSON each: kept in memory it would be measured too */
  listing: string
}

export interface ListedObject {
  key: string
  checksum: string
  size: number
}

export interface TreeAnswer {
  files: number
  skippedLinks: number
  bytes: number
  unsynced: string[]
  failed: number
  seconds: { put: number; sync: number; readBack: number }
}

const PUTS_IN_FLIGHT = 32
const READS_IN_FLIGHT = 8

async function run(task: TreeTask): Promise<TreeAnswer> {
  const { files, skippedLinks } = await find(task.sources)
  const store = await createStore({
    data: task.data,
    backends: { a: { driver: "fs", root: task.backends[0] }, b: { driver: "fs", root: task.backends[1] } },
    defaultBackends: ["a", "b"],
  })
  try {
    const begun = performance.now()
    let bytes = 0
    await eachOf(PUTS_IN_FLIGHT, files, async (file) => {
      const record = await store.put(file.path, { key: file.key })
      bytes += record.size
    })
    const put = performance.now()
    await store.idle()
    const synced = performance.now()
    const listing = createWriteStream(task.listing, { flags: "wx" })
    const unsynced: string[] = []
    for await (const { key, checksum, size } of store.list()) {
      if (!listing.write(`${JSON.stringify({ key, checksum, size } satisfies ListedObject)}\n`))
        await once(listing, "drain")
      const metadata = await store.stat(key)
      if (metadata?.locations.length !== 2 || !metadata.locations.every((location) => location.synced))
        unsynced.push(key)
    }
    listing.end()
    await finished(listing)
    const copyBack = async ({ key }: { key: string }, from: RegExp): Promise<void> => {
      const path = join(task.readBack, key)
      await mkdir(dirname(path), { recursive: true })
      const { stream, servedFrom } = await store.open(key)
      if (!from.test(servedFrom)) throw new Error(`${key} was served from ${servedFrom}`)
      await pipeline(stream, createWriteStream(path, { flags: "wx" }))
    }
    const half = files.length >> 1
    await eachOf(READS_IN_FLIGHT, files.slice(0, half), (file) => copyBack(file, /^staging$/))
    await store.cache.clear()
    await eachOf(READS_IN_FLIGHT, files.slice(half), (file) => copyBack(file, /^(a|b)$/))
    const read = performance.now()
    return {
      files: files.length,
      skippedLinks,
      bytes,
      unsynced,
      failed: [...store.failed()].length,
      seconds: { put: seconds(begun, put), sync: seconds(put, synced), readBack: seconds(synced, read) },
    }
  } finally {
    await store.close()
  }
}

async function find(sources: TreeTask["sources"]) {
  const files: { path: string; key: string }[] = []
  let skippedLinks = 0
  for (const { directory, prefix } of sources) {
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      // The test runner's own caches change while it runs.
      if (relative(directory, path).startsWith(".vite")) continue
      if (entry.isSymbolicLink()) skippedLinks += 1
      else if (entry.isFile()) files.push({ path, key: prefix + relative(directory, path) })
    }
  }
  return { files, skippedLinks }
}

async function eachOf<Item>(inFlight: number, items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values()
  const lane = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
}

function seconds(from: number, to: number): number {
  return Math.round((to - from) / 100) / 10
}

process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? "") as TreeTask))}\n`)
