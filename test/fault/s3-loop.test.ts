/** Many blobs into a bucket on bad days, in short (`npm run fault -- --s3 5000` has them all). */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { runS3Loop } from "./s3-loop.ts"
import { testSeed } from "./store-harness.ts"

test("blobs go to S3 by workers that are killed, while a third of all requests fail: every copy is proven and equal, no upload is left", {
  timeout: 240_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "stored-s3-loop-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const seed = testSeed()
  const report = await runS3Loop({ blobs: 60, seed, directory })
  expect(report.failures, `seed ${seed}`).toEqual([])
  expect(report.kills).toBeGreaterThan(0)
  expect(report.large).toBeGreaterThan(0)
  expect(Object.keys(report.faults).length).toBeGreaterThan(3)
})
