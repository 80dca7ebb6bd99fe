/** The fuzzer in short; `npm run fault -- --fuzz 200000` in full length. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { runFuzz } from "./fuzz.ts"

test("3,000 hostile requests: no 5xx, no crash, no hang, no changed prototype, the doctor clean", {
  timeout: 120_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "stored-fuzz-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const seed = Number(process.env.STORED_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
  const report = await runFuzz({ requests: 3_000, seed, directory })
  expect(report.failures, `seed ${seed}`).toEqual([])
  // It got past the doors, and was held up there too.
  for (const status of [200, 400, 401, 403, 404, 405])
    expect(report.statuses[status] ?? 0, `${status}`).toBeGreaterThan(10)
})
