/**
 * Ours, in a process of its own: `node bench/scan-child.ts DATA FOLDER ALGORITHM FILES`. Opens an empty store, waits until it rests, scans the folder twice, and prints one line of JSON:
 * seconds of both scans and the most memory above that at rest, in bytes.
 */
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { openStore } from "../src/compose.ts"

const [data = "", folder = "", algorithm = "sha256", files = "0"] = process.argv.slice(2)
const { store, services } = await openStore({
  data,
  backends: { tree: { driver: "fs", root: folder, scan: { every: "off" } }, memory: { driver: "memory" } },
  defaultBackends: ["memory"],
  checksums: [algorithm as "sha256" | "blake3"],
})
await sleep(500)
const idle = ownMemory()
let most = idle
const timer = setInterval(() => {
  most = Math.max(most, ownMemory())
}, 20)

const first = await scan()
const second = await scan()
clearInterval(timer)
const { objects } = services.catalog.counters()
const unread = [...services.catalog.blobs()].filter(({ id }) => id.startsWith("etag:")).length
if (objects !== Number(files) || unread > 0)
  throw new Error(`Of ${files} files ${objects} are known, ${unread} were not read.`)
await store.close()
process.stdout.write(`${JSON.stringify({ first, second, memory: most - idle })}\n`)
process.exit(0)

async function scan(): Promise<number> {
  const ended = new Promise<void>((resolve, reject) => {
    const stop = store.on("scan", ({ state }) => {
      if (state === "running") return
      stop()
      if (state === "done") resolve()
      else reject(new Error(`The scan is ${state}.`))
    })
  })
  const start = performance.now()
  await store.scan("tree")
  await ended
  while (services.catalog.scan("tree").looks > 0) await sleep(2)
  return (performance.now() - start) / 1000
}

/** Bytes of the process's own: what is mapped of the catalog's file is the page cache's. */
function ownMemory(): number {
  const status = readFileSync("/proc/self/status", "utf8")
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}
