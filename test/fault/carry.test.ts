/** Many blobs under fire, in short (`npm run fault -- --carry 20000` has them all). */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { requireHost } from "../host-needs.ts"
import { runCarryLoop } from "./carry-loop.ts"

test("blobs are carried to two backends by four workers that are killed all the time: every copy is proven, hardly one was made twice", {
  timeout: 240_000,
}, async (context) => {
  await requireHost(context, "namespaces")
  const directory = await mkdtemp(join(tmpdir(), "stored-carry-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const seed = Number(process.env.STORED_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
  const report = await runCarryLoop({ blobs: 200, seed, directory })
  expect(report.failures, `seed ${seed}`).toEqual([])
  expect(report.kills.worker).toBeGreaterThan(2)
  expect(report.uploads).toBeGreaterThanOrEqual(400)
})
