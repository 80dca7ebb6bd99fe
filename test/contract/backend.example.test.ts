/**
 * The documented example of a driver of one's own joins the suite, and takes less than 250 lines. Each of its calls starts several processes: its remote is a local
 * directory, amounts are small, and `npm test` runs some groups. `STORED_DRIVER_SUITE=all` runs every one.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import driver from "../../examples/drivers/rclone-commands.ts"
import type { StorageBackend } from "../../src/backends/backend.ts"
import { isStoredError } from "../../src/core/error.ts"
import { provideProgram } from "../programs.ts"
import { type BackendUnderTest, DOES_ALL, keysOf, MIB } from "./backend/harness.ts"
import { backendSuite, hashers } from "./backend.suite.ts"

const EXAMPLE = new URL("../../examples/drivers/rclone-commands.ts", import.meta.url)
const STARTS = "each call starts several processes"

// Where the processors are busy, so are all those processes.
vi.setConfig({ testTimeout: 300_000 })

let directory: string
let files: string
let backend: StorageBackend
beforeAll(async () => {
  await provideProgram("rclone", ["version"], "rclone")
  directory = await mkdtemp(join(tmpdir(), "stored-example-"))
  files = join(directory, "files")
  await mkdir(files)
  const configFile = join(directory, "rclone.conf")
  await writeFile(configFile, `[files]\ntype = alias\nremote = ${files}\n`)
  backend = driver.create({ driver: "rclone-commands", remote: "files:", configFile }, { hashers })
})
afterAll(async () => {
  await backend.close()
  await rm(directory, { recursive: true })
})

async function make(): Promise<BackendUnderTest> {
  // Of nothing is asked only whether it is open.
  await keysOf(backend, { limit: 0 }).catch((error: unknown) => {
    if (isStoredError(error) && error.code === "CLOSED") return backend.open()
    throw error
  })
  const dispose = async (): Promise<void> => {
    for (const name of await readdir(files)) await rm(join(files, name), { recursive: true })
  }
  return { backend, dispose, litter: () => readdir(join(files, ".stored-tmp")).catch(() => []) }
}

backendSuite({
  name: "the example of a driver, on a local directory",
  largest: { size: 64 * MIB, reason: "rclone takes it as a stream, so that no size is another case" },
  times: { given: false, precision: 2000, reason: "the remote's own time of the write" },
  listing: { entries: 30, runs: 3, changes: 12, reason: STARTS },
  share: { of: 0.1, reason: STARTS },
  parts: { most: 60, reason: STARTS },
  ...(!DOES_ALL && {
    only: {
      groups: ["batches and health", "opened to be read only"],
      reason: `${STARTS}: STORED_DRIVER_SUITE=all runs it`,
    },
  }),
  make,
})

it("takes less than 250 lines, with all that is said about it", async () => {
  expect((await readFile(EXAMPLE, "utf8")).trimEnd().split("\n").length).toBeLessThan(250)
})
