/**
 * The documented example of a driver of one's own takes less than 250 lines. Not the whole suite: each call starts a process and logs in, and all of it takes many
 * minutes. What else the driver promises, `backend.rclone-sftp.test.ts` asks of the driver that does the same by one process.
 */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import driver from "../../examples/drivers/rclone-commands.ts"
import type { FileServer } from "../file-server.ts"
import { startSftp } from "../sftp-server.ts"
import { batchCases } from "./backend/batch-cases.ts"
import type { BackendUnderTest } from "./backend/harness.ts"
import { readOnlyCases } from "./backend/read-only-cases.ts"
import { hashers } from "./backend.suite.ts"

const EXAMPLE = new URL("../../examples/drivers/rclone-commands.ts", import.meta.url)
const times = { given: false, precision: 2000, reason: "the server's own time of the write, in whole seconds" }

let server: FileServer
let directory: string
beforeAll(async () => {
  server = await startSftp()
  directory = await mkdtemp(join(tmpdir(), "stored-example-"))
  const options = Object.entries(server.config).map((option) => option.join(" = "))
  await writeFile(join(directory, "rclone.conf"), ["[sftp]", ...options, ""].join("\n"))
})
afterAll(async () => {
  await server.stop()
  await rm(directory, { recursive: true })
})

async function make(): Promise<BackendUnderTest> {
  const config = { driver: "rclone-commands", remote: server.remote, configFile: join(directory, "rclone.conf") }
  const backend = driver.create(config, { hashers })
  await backend.open()
  const dispose = async (): Promise<void> => {
    await backend.close()
    for (const name of await readdir(server.files)) await rm(join(server.files, name), { recursive: true })
  }
  return { backend, dispose, litter: () => readdir(join(server.files, ".stored-tmp")).catch(() => []) }
}

describe("backend contract: the example of a driver, on sftp", () => {
  let current: BackendUnderTest
  beforeEach(async () => {
    current = await make()
  })
  afterEach(() => current.dispose())
  const made = (): BackendUnderTest => current
  batchCases({ name: "the example", largest: { size: 0 }, times, make }, made)
  readOnlyCases(made)
})

it("takes less than 250 lines, with all that is said about it", async () => {
  expect((await readFile(EXAMPLE, "utf8")).trimEnd().split("\n").length).toBeLessThan(250)
})
