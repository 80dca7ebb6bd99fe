import { afterAll, beforeAll } from "vitest"
import type { FileServer } from "../file-server.ts"
import { startSftp } from "../sftp-server.ts"
import { MIB } from "./backend/harness.ts"
import { backendSuite } from "./backend.suite.ts"

let server: FileServer
beforeAll(async () => {
  server = await startSftp()
})
afterAll(() => server.stop())

backendSuite({
  name: "rclone on sftp",
  largest: {
    size: 64 * MIB,
    reason: "rclone takes it as a stream, so that no size is another case; 64 MiB are many of its pieces",
  },
  times: { given: false, precision: 2000, reason: "the server's own time of the write, in whole seconds" },
  listing: { entries: 400, runs: 12, reason: "each entry takes it milliseconds to write" },
  make: () => server.make(),
})
