/** A folder that exists, watched: `node watch-folder.ts FOLDER DATA`. Its files stay plain and where they are. Ctrl-C or SIGTERM ends it. */
import { createStore } from "stored"

const [folder = ".", data = ".stored"] = process.argv.slice(2)
const store = await createStore({ data, backends: { folder: { driver: "fs", root: folder, watch: true } } })

// What happened is read from the journal: a put, a change or a move is told once it is committed.
store.on("found", ({ added }) => console.log("found", added))
store.on("change", ({ key, version }) => console.log("changed", key, version))
store.on("move", ({ key, from }) => console.log("moved", from, key))
store.on("drift", ({ key, state }) => console.log(state, key))

// What is there already; from then on the watch tells.
await store.scan("folder")
console.log("watching", folder)

const end = async (): Promise<void> => {
  await store.close()
  process.exit(0)
}
process.once("SIGINT", end).once("SIGTERM", end)
