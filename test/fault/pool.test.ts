/** The pool under fire, in short: 15 s of kills of workers, Redis and server (`npm run fault -- --pool 300` has five minutes). */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { requireHost } from "../host-needs.ts"
import { runPoolLoop } from "./pool-loop.ts"

test("workers, Redis and server are killed under load: nothing acknowledged is lost, all of it is proven in the end, the doctor is clean", {
  timeout: 240_000,
}, async (context) => {
  await requireHost(context, "namespaces")
  const directory = await mkdtemp(join(tmpdir(), "stored-pool-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const seed = Number(process.env.STORED_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
  const every = { worker: 1_000, redis: 5_000, server: 5_000 }
  const report = await runPoolLoop({ seconds: 15, seed, directory, every })
  expect(report.failures, `seed ${seed}`).toEqual([])
  expect(report.kills.worker).toBeGreaterThan(5)
  expect(report.kills.redis).toBeGreaterThan(1)
  expect(report.acknowledged).toBeGreaterThan(50)
})
