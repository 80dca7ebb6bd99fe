/**
 * Ours, in a process of its own: `node bench/validate-child.ts DATA FOLDER FILES`. Scans the folder, opens the store anew, waits until it rests, reads all copies again, and prints one
 * line of JSON: seconds of the validation and the most memory above that at rest, in bytes.
 */
import { readFileSync } from "node:fs"
import { setTimeout as sleep } from "node:timers/promises"
import { openStore } from "../src/compose.ts"

const [data = "", folder = "", files = "0"] = process.argv.slice(2)
const config = {
  data,
  backends: {
    tree: { driver: "fs", root: folder, scan: { every: "off" }, validate: { every: "off" } },
    memory: { driver: "memory" },
  },
  defaultBackends: ["memory"],
}

await scan()
const { store } = await openStore(config)
await sleep(500)
const idle = ownMemory()
let most = idle
const timer = setInterval(() => {
  most = Math.max(most, ownMemory())
}, 20)

const start = performance.now()
await ended(store, "validate", () => store.validate("tree"))
const seconds = (performance.now() - start) / 1000
clearInterval(timer)
const { good, copies } = store.validateStatus("tree")
if (good !== Number(files) || copies !== good)
  throw new Error(`Of ${files} copies ${copies} were read, ${good} are good.`)
await store.close()
process.stdout.write(`${JSON.stringify({ seconds, memory: most - idle })}\n`)
process.exit(0)

async function scan(): Promise<void> {
  const { store, services } = await openStore(config)
  await ended(store, "scan", () => store.scan("tree"))
  while (services.catalog.scan("tree").looks > 0) await sleep(2)
  await store.close()
}

type Opened = Awaited<ReturnType<typeof openStore>>["store"]

async function ended(store: Opened, what: "scan" | "validate", begin: () => Promise<unknown>): Promise<void> {
  const over = new Promise<void>((resolve, reject) => {
    const stop = store.on(what, ({ backend, state }) => {
      if (backend !== "tree" || state === "running") return
      stop()
      if (state === "done") resolve()
      else reject(new Error(`The ${what} is ${state}.`))
    })
  })
  await begin()
  await over
}

/** Bytes of the process's own: what is mapped of the catalog's file is the page cache's. */
function ownMemory(): number {
  const status = readFileSync("/proc/self/status", "utf8")
  return Number(/RssAnon:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}
