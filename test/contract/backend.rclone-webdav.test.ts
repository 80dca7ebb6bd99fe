import { afterAll, beforeAll } from "vitest"
import { startWebdav, type WebdavServer } from "../webdav-server.ts"
import { MIB } from "./backend/harness.ts"
import { backendSuite } from "./backend.suite.ts"

let server: WebdavServer
beforeAll(async () => {
  server = await startWebdav()
})
afterAll(() => server.stop())

backendSuite({
  name: "rclone on webdav (Apache)",
  largest: {
    size: 64 * MIB,
    reason:
      "rclone keeps it in a file before it sends it, so that no size is another case; 64 MiB are many of its pieces",
  },
  times: { given: false, precision: 2000, reason: "the server's own time of the write, in whole seconds" },
  listing: { entries: 120, runs: 4, changes: 60, reason: "rclone sends it some ten entries a second" },
  share: { of: 0.5, reason: "the same" },
  parts: { most: 60, reason: "rclone makes and removes directories one by one, each with several requests" },
  make: () => server.make(),
})
