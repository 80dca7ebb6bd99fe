/**
 * The process that is killed in `store-crash-points.ts`: opens the store, says `ready`, waits for a line, overwrites one object, says `acked`,
 * waits until its copy is proven, and closes.
 *
 *     node store-crash-child.ts <data directory> <root of the backend> <file to put>
 */
import { once } from "node:events"
import { createStore } from "../../src/compose.ts"

const [data, root, file] = process.argv.slice(2) as [string, string, string]
const store = await createStore({ data, backends: { a: { driver: "fs", root } } })
process.stdout.write("ready\n")
await once(process.stdin, "data")
await store.put(file, { key: "k" })
process.stdout.write("acked\n")
await store.synced("k")
await store.close()
process.stdin.destroy()
