/**
 * The process under measurement in `tree.test.ts`: puts trees by path, 32 files at a time, waits until every copy is proven, lists,
 * and reads everything back by stream into another directory: one half from staging, the rest from a backend after staging was cleared.
 *
 * Started with one JSON argument; answers with one line of JSON.
 */
import { createWriteStream } from "node:fs"
import { mkdir, readdir, readFile } from "node:fs/promises"
import { dirname, join, relative } from "node:path"
import { pipeline } from "node:stream/promises"
import { createStore } from "../../src/index.ts"

export interface TreeTask {
  data: string
  /** roots of the two backends */
  backends: [string, string]
  /** directory → prefix of its keys */
  sources: { directory: string; prefix: string }[]
  /** where what is read back goes */
  readBack: string
}

export interface TreeAnswer {
  files: number
  skippedLinks: number
  bytes: number
  listed: { key: string; checksum: string; size: number }[]
  unsynced: string[]
  failed: number
  /** peak resident memory in KiB, up to the end of each phase */
  peakMemory: { put: number; sync: number; readBack: number }
  seconds: { put: number; sync: number; readBack: number }
}

const PUTS_IN_FLIGHT = 32
const READS_IN_FLIGHT = 2

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
    const putPeak = await peakMemory()
    await store.idle()
    const synced = performance.now()
    const syncPeak = await peakMemory()
    const listed: TreeAnswer["listed"] = []
    const unsynced: string[] = []
    for await (const { key, checksum, size } of store.list()) {
      listed.push({ key, checksum, size })
      const metadata = await store.stat(key)
      if (metadata?.locations.length !== 2 || !metadata.locations.every((location) => location.synced))
        unsynced.push(key)
    }
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
      listed,
      unsynced,
      failed: [...store.failed()].length,
      peakMemory: { put: putPeak, sync: syncPeak, readBack: await peakMemory() },
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

async function peakMemory(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8")
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1])
}

function seconds(from: number, to: number): number {
  return Math.round((to - from) / 100) / 10
}

process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? "") as TreeTask))}\n`)
