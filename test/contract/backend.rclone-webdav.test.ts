import { afterAll, beforeAll } from "vitest"
import { startWebdav, type WebdavServer } from "../webdav-server.ts"
import { DOES_ALL, MIB } from "./backend/harness.ts"
import { backendSuite } from "./backend.suite.ts"

/** No processor is busy meanwhile. `STORED_DRIVER_SUITE=all` takes the larger amounts. */
const PACED = "rclone waits 10 ms before each request, and each entry takes some ten of them"

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
  listing: DOES_ALL
    ? { entries: 120, runs: 4, changes: 60, reason: PACED }
    : { entries: 50, runs: 3, changes: 20, reason: PACED },
  share: { of: DOES_ALL ? 0.5 : 0.1, reason: PACED },
  parts: { most: DOES_ALL ? 60 : 25, reason: "rclone makes and removes directories one by one" },
  make: () => server.make(),
})
