/** Workers whose clocks are wrong (row 30): orders, proofs and tries do not depend on them. */
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { openTestPool } from "../flow/open-pool.ts"
import { provideProgram, run } from "../programs.ts"
import { startOwnRedis } from "../redis-server.ts"
import { TOKEN } from "../unit/worker-desk.ts"
import { WorkerProcess } from "./pool-host.ts"
import { expectHealthy } from "./store-harness.ts"

const COUNT = 20

test.each(["-1d", "+1y"])(
  "a worker whose clock is %s off does its work, and its proofs bear the server's time",
  {
    timeout: 120_000,
  },
  async (offset) => {
    await provideProgram("faketime", ["-v"], "faketime")
    const { stdout } = await run("faketime", ["-f", "-1d", "printenv", "LD_PRELOAD"])
    const redis = await startOwnRedis()
    onTestFinished(() => redis.stop())
    const { opened, url, prefix } = await openTestPool(redis.url)
    const { store, services } = opened
    const ports = { server: Number(new URL(url).port), redis: redis.port }
    const faked = { LD_PRELOAD: stdout.trim(), FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" }
    const worker = WorkerProcess.here(ports, TOKEN, faked)
    onTestFinished(() => worker.kill().then(() => {}))
    worker.start()
    const keys = Array.from({ length: COUNT }, (_, index) => `k/${index}`)
    const before = Date.now()
    await Promise.all(keys.map((key) => store.put(Buffer.from(`${key} of old`), { key })))
    await store.idle({ signal: AbortSignal.timeout(60_000) })
    await Promise.all(keys.map((key) => store.put(Buffer.from(`${key} anew`), { key })))
    await Promise.all(keys.slice(0, 5).map((key) => store.delete(key)))
    await store.idle({ signal: AbortSignal.timeout(60_000) })
    for (const key of keys.slice(5)) {
      const { verified, state } = services.catalog.location("a", key)!
      expect(
        [state, verified!.at >= before - 1_000, verified!.at <= Date.now() + 1_000],
        `${key} in ${join(prefix, "a")}`,
      ).toEqual(["synced", true, true])
    }
    expect(await worker.kill("SIGTERM"), worker.output).toBe(0)
    await expectHealthy(opened)
  },
)
