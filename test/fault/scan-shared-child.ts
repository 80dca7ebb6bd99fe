/**
 * A process with a store of its own that watches and scans a folder which others use too: `node scan-shared-child.ts DATA FOLDER MODE`, with `observe` or `enforce`. What it writes
 * has a copy in `DATA-copies`, too. Each message `{ ask, key?, content? }` is answered by `{ answer }`, or by `{ error }`.
 */
import { openStore } from "../../src/compose.ts"
import { upkeep } from "../../src/store/maintenance.ts"
import { lookedAt, scanned } from "../flow/scan-steps.ts"

export interface Asked {
  ask: "scan" | "catalog" | "put" | "delete" | "told" | "upkeep" | "close"
  key?: string
  content?: string
}

const [data = "", folder = "", given] = process.argv.slice(2)
const mode = given === "enforce" ? "enforce" : "observe"
const RETRY = { baseDelay: 5, maxDelay: 20, maxAttempts: 5, reviveAfter: 0 }

const opened = await openStore(
  {
    data,
    backends: {
      photos: { driver: "fs", root: folder, watch: true, mode, scan: { prefix: "", every: "off" } },
      copies: { driver: "fs", root: `${data}-copies` },
    },
    defaultBackends: ["photos", "copies"],
  },
  { retry: RETRY },
)
const { store, services } = opened

async function answer({ ask, key = "", content = "" }: Asked): Promise<unknown> {
  switch (ask) {
    case "scan":
      await scanned(opened, "photos", { force: true })
      return true
    case "catalog": {
      await lookedAt(opened, "photos")
      await store.idle()
      const known: Record<string, string> = {}
      for await (const { key: each } of store.list()) {
        const object = services.catalog.object(each)!
        const location = services.catalog.location("photos", each)
        if (object.state === "ACTIVE" && location?.state === "synced") known[each] = object.id
      }
      return known
    }
    case "put":
      await store.put(Buffer.from(content), { key })
      await store.synced(key)
      return true
    case "delete":
      await store.delete(key)
      await store.idle()
      return true
    case "told":
      return [...services.catalog.journal({ after: 0, limit: 100_000 })].filter((record) => record.key !== null).length
    case "upkeep":
      await upkeep(services, RETRY)
      await store.idle()
      return true
    case "close":
      await store.close()
      return true
  }
}

process.on("message", (asked: Asked) => {
  answer(asked).then(
    (found) => process.send!({ answer: found }, () => asked.ask === "close" && process.exit(0)),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
while (store.getBackend("photos").watch?.state !== "running") await new Promise((resume) => setTimeout(resume, 5))
process.send!({ answer: "watching" })
