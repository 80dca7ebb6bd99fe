/** The kill loop in short: 15 × kill -9 of the real server under load, and nothing acknowledged is lost (rows 1, 2; `npm run fault` has 300). */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { runKillLoop } from "./kill-loop.ts"

test("15 × kill -9 under load: nothing acknowledged is lost, the doctor is clean, work goes on by itself", {
  timeout: 180_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "stored-kill-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const seed = Number(process.env.STORED_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
  const report = await runKillLoop({ kills: 15, seed, directory })
  expect(report.failures, `seed ${seed}`).toEqual([])
  expect(report.kills).toBe(15)
  expect(report.acknowledged).toBeGreaterThan(50)
})
