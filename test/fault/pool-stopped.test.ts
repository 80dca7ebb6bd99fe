/** A worker that is stopped past its lock and woken (row 8): what it does then overwrites nothing newer, or is found and mended. */
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { openTestPool } from "../flow/open-pool.ts"
import { startOwnRedis } from "../redis-server.ts"
import { TOKEN } from "../unit/worker-desk.ts"
import { WorkerProcess } from "./pool-host.ts"
import { expectHealthy } from "./store-harness.ts"

/** ms; the sleeper is given up after it */
const LOCK = 1_500
/** Long enough to be in the middle of it. */
const LARGE = 96 * 2 ** 20

test("a worker wakes up with an old order: the newer bytes stay, or come back", { timeout: 120_000 }, async () => {
  const redis = await startOwnRedis()
  onTestFinished(() => redis.stop())
  const { opened, url, roots, addWorker } = await openTestPool(redis.url, { defaultBackends: ["a"] })
  const { store } = opened
  const ports = { server: Number(new URL(url).port), redis: redis.port }
  const sleeper = WorkerProcess.here(ports, TOKEN, { STORED_WORKER_LOCK: String(LOCK) })
  onTestFinished(() => sleeper.kill().then(() => {}))
  const started = new Promise<void>((resolve) => store.on("sync:start", () => resolve()))
  sleeper.start()
  await store.put(randomBytes(LARGE), { key: "k" })
  await started
  sleeper.signal("SIGSTOP")
  const newer = Buffer.from("newer")
  await store.put(newer, { key: "k" })
  await addWorker({ lock: LOCK })
  await store.synced("k", { signal: AbortSignal.timeout(60_000) })
  expect(await readFile(join(roots.a, "k"))).toEqual(newer)
  sleeper.signal("SIGCONT")
  // It ends in order once it has told what it did, or that it may have done something.
  expect(await sleeper.kill("SIGTERM"), sleeper.output).toBe(0)
  await store.idle({ signal: AbortSignal.timeout(30_000) })
  expect(await readFile(join(roots.a, "k"))).toEqual(newer)
  await expectHealthy(opened)
})
