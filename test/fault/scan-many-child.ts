/**
 * A store with so many objects, made up by a listing and not by files: `node scan-many-child.ts DATA COUNT STEP`. `index` scans them all, `list` reads the catalog page by page, each from the
 * cursor that the one before has left, `reconcile` scans again where one in a hundred has another state, one is new and one is gone. Tells its parent at the end how many there were,
 * and how much memory it took.
 */
import { readFileSync } from "node:fs"
import type { BackendEntry, BackendListOptions } from "../../src/backends/backend.ts"
import { openStore } from "../../src/compose.ts"

const [data = "", count = "0", step = "index"] = process.argv.slice(2)
const COUNT = Number(count)
const PAGE = 1_000
const EVERY = 20

/** In the order of their bytes. `ab` lies beside each `a`. */
function keyOf(index: number): string {
  const name = `file-${String(index).padStart(9, "0")}`
  return index % 2 === 0 ? `a/${name}` : `ab/${name}`
}

function stateOf(index: number): Omit<BackendEntry, "key"> | null {
  const isAnew = step === "reconcile"
  if (isAnew ? index === 2 : index === 4) return null
  const etag = isAnew && index % 100 === 0 ? "anew" : "as it was"
  return { size: index, modified: 1_600_000_000_000, etag: `${etag} ${index}` }
}

function* indexes(): Generator<number> {
  for (let index = 0; index < COUNT; index += 2) yield index
  for (let index = 1; index < COUNT; index += 2) yield index
}

async function* list({ after = "", prefix = "", limit = Number.POSITIVE_INFINITY }: BackendListOptions = {}) {
  let left = limit
  for (const index of indexes()) {
    const key = keyOf(index)
    const state = key > after && key.startsWith(prefix) ? stateOf(index) : null
    if (!state) continue
    yield { key, ...state }
    left -= 1
    if (left <= 0) return
  }
}

const settings = { driver: "memory", scan: { prefix: "", every: "off", hash: false } }
const opened = await openStore({
  data,
  backends: { many: settings, "many-too": { ...settings, scan: { ...settings.scan, prefix: "too/" } } },
  defaultBackends: [],
})
const { store, services } = opened
const { backend } = services.backends.get("many")
backend.list = list
backend.stat = async (key) => stateOf(Number(key.slice(-9)))
backend.healthCheck = async () => {}

/** bytes of its own: those of the mapped catalog are the system's */
function anonymous(): number {
  return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) * 1024
}

let most = 0
const timer = setInterval(() => {
  most = Math.max(most, anonymous())
}, EVERY)
process.send!(await run())

async function run(): Promise<object> {
  if (step === "list") return counted()
  const ended = Promise.withResolvers<void>()
  store.on("scan", ({ state }) => state !== "running" && ended.resolve())
  await store.scan("many", { force: true })
  await ended.promise
  return store.scanStatus("many")
}

async function counted(): Promise<object> {
  const found = { all: 0, folder: 0, neighbours: 0, locations: 0, pages: 0 }
  for (let after = "", isEnd = false; !isEnd; found.pages += 1) {
    isEnd = true
    for await (const { key } of store.list({ after, limit: PAGE })) {
      found.all += 1
      after = key
      isEnd = false
    }
  }
  for await (const { key } of store.list({ prefix: "a/" })) {
    found.folder += 1
    if (!key.startsWith("a/")) found.neighbours += 1
  }
  for (const { backend: name } of services.catalog.locations("many")) {
    found.locations += 1
    if (name !== "many") found.neighbours += 1
  }
  return found
}

clearInterval(timer)
process.send!({ most: Math.max(most, anonymous()) }, () => void store.close().then(() => process.exit(0)))
