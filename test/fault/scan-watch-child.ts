/**
 * A process that may have only a few watches, with a store on a folder that it watches: `node scan-watch-child.ts DATA FOLDER`, started where the limit already holds. Tells its parent
 * how its watch is, each time that this changes, and what it hears of: `{ watch }`, `{ found }`.
 */
import { openStore } from "../../src/compose.ts"
import { scanned } from "../flow/scan-steps.ts"

const [data = "", folder = ""] = process.argv.slice(2)
const opened = await openStore({
  data,
  backends: { photos: { driver: "fs", root: folder, watch: true, scan: { prefix: "" } }, m: { driver: "memory" } },
  defaultBackends: ["m"],
})
const { store } = opened
store.on("found", ({ added }) => void process.send!({ found: added }))
process.on("message", () => {
  void scanned(opened, "photos").then(() => process.send!({ scanned: store.scanStatus("photos").files }))
})
let last = ""
setInterval(() => {
  const { state, error } = store.getBackend("photos").watch!
  const told = { state, code: error?.code ?? null, message: error?.message ?? null }
  if (JSON.stringify(told) === last) return
  last = JSON.stringify(told)
  process.send!({ watch: told })
}, 10)
