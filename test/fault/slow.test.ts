/** Slow clients and broken uploads in short; `npm run fault -- --slow 2000 --aborts 10000` in full length, with times. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { runSlow } from "./slow.ts"

test("80 slow clients and 100 broken uploads: healthy requests go on, and everything is freed", {
  timeout: 120_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "stored-slow-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const { failures } = await runSlow({ slow: 80, aborts: 100, healthy: 100, directory })
  expect(failures).toEqual([])
})
