/**
 * A process that validates a folder and may be killed at any moment: `node validate-child.ts DATA FOLDER LOG`. Each copy that it reads is noted in LOG, a line each. What is
 * under way goes on by itself; where nothing is, it is begun.
 */
import { appendFileSync } from "node:fs"
import { openStore } from "../../src/compose.ts"

const [data = "", folder = "", log = ""] = process.argv.slice(2)

const { store, scanPool: pool } = await openStore({
  data,
  backends: { disk: { driver: "fs", root: folder }, m: { driver: "memory" } },
  defaultBackends: ["disk"],
})

const run = pool.run.bind(pool)
pool.run = (async (name: string, task: { paths?: string[] }, options: object) => {
  const answer = await run(name, task, options)
  appendFileSync(log, (task.paths ?? []).map((path) => `${path}\n`).join(""))
  process.send?.({ read: task.paths?.length ?? 0 })
  return answer
}) as typeof pool.run

const over = new Promise<void>((resolve) => store.on("validate", ({ state }) => state === "done" && resolve()))
if (store.validateStatus("disk").number === 0) await store.validate("disk")
await over
process.send?.({ status: store.validateStatus("disk") }, () => void store.close().then(() => process.exit(0)))
