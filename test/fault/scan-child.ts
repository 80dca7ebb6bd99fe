/**
 * A process that scans a backend and may be killed at any moment: `node scan-child.ts DATA SETTINGS-JSON LOG`. Each local file that it reads is noted in LOG, a line each: `read KEY`,
 * and `again KEY` where the catalog knew its content already. Tells its parent all the time how far it is and how much memory it took at most.
 */
import { appendFileSync, readFileSync } from "node:fs"
import { openStore } from "../../src/compose.ts"
import { isProvisional } from "../../src/core/blob-id.ts"
import { isSynced } from "../../src/store/reference.ts"

const [data = "", settings = "", log = ""] = process.argv.slice(2)
const photos = JSON.parse(settings) as { driver: string; root?: string }
const folder = photos.root ?? ""
const EVERY = 50

const opened = await openStore({
  data,
  backends: { photos, m: { driver: "memory" } },
  defaultBackends: ["m"],
})
const { store, services, scanPool: pool } = opened

const run = pool.run.bind(pool)
pool.run = (async (name: string, task: { paths?: string[] }, options: object) => {
  const answer = await run(name, task, options)
  if (name === "hashFiles") appendFileSync(log, (task.paths ?? []).map(note).join(""))
  return answer
}) as typeof pool.run

function note(path: string): string {
  const key = path.slice(folder.length + 1)
  const location = services.catalog.location("photos", key)
  const isKnown = location !== null && isSynced(location) && !isProvisional(location.want!)
  return `${isKnown ? "again" : "read"} ${key}\n`
}

/** bytes of its own: on tmpfs the mapped catalog counts among the resident ones, too */
function anonymous(): number {
  return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) * 1024
}

let most = 0
const timer = setInterval(() => {
  most = Math.max(most, anonymous())
  const { files, looks, state } = store.scanStatus("photos")
  process.send?.({ files, looks, state, most })
  if (state !== "done" || looks > 0) return
  clearInterval(timer)
  process.send?.({ done: true, most }, () => void store.close().then(() => process.exit(0)))
}, EVERY)
