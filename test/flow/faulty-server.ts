/** A service whose store goes wrong on the first put, in the way that its argument names. For tests of how a process ends. */
import { parseEnvironment } from "../../src/api/environment.ts"
import { runServer } from "../../src/api/run-server.ts"
import { StoredError } from "../../src/core/error.ts"
import { mapStore } from "../unit/map-store.ts"

const way = process.argv[2]

await runServer(parseEnvironment(process.env), async (_config, { onFault }) => {
  const store = mapStore()
  const unknown = new StoredError("COMMIT_UNKNOWN", "fdatasync failed: EIO")
  return {
    ...store,
    status: () => ({ ...store.status(), backends: [] }),
    put: async (...words) => {
      if (way === "commit") {
        onFault(unknown)
        throw unknown
      }
      if (way === "rejection") void Promise.reject(new Error("nobody caught this"))
      if (way === "exception") setImmediate(() => process.emit("uncaughtException", unknown))
      return store.put(...words)
    },
    // The timer keeps the process alive, as a disk that hangs would.
    close: () => (way === "stuck" ? new Promise<void>(() => setInterval(() => {}, 60_000)) : Promise.resolve()),
  }
})
