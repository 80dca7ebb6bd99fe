/** Closing while nothing answers: one deadline for all parts together, and what was promised is still kept at the next start. */
import { PassThrough } from "node:stream"
import { expect, test } from "vitest"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { bytesOf, codeOf, expectHealthy } from "./store-harness.ts"

const DEADLINE = 2_000
const never = (): Promise<never> => new Promise(() => {})

test("a call that goes on, jobs that hang and a backend that does not close share the deadline", async () => {
  const opened = await openTestStore()
  const { store, services, directory } = opened
  // Each of these alone uses up the whole deadline.
  const started = Promise.withResolvers<void>()
  memoryBackend(opened, "a").intercept = () => {
    started.resolve()
    return never()
  }
  memoryBackend(opened, "b").close = never
  const source = new PassThrough()
  source.write("the beginning of something that does not end")
  const endless = codeOf(store.put(source, { key: "endless" }))
  await store.put(bytesOf(1, 1_000), { key: "k" })
  await started.promise
  await store.synced("k", { backends: ["b"] })

  const begun = performance.now()
  await store.close({ deadline: DEADLINE })
  const took = performance.now() - begun
  expect(took, "what goes on is waited for").toBeGreaterThan(DEADLINE - 50)
  expect(took, "but not once for each part").toBeLessThan(DEADLINE * 1.9)
  expect(services.lifecycle.state).toBe("closing")
  source.end()
  expect(await endless).toBe("CLOSED")

  const again = await openTestStore({ data: directory })
  expect(await again.store.has("endless")).toBe(false)
  expect(await again.store.get("k")).toEqual(bytesOf(1, 1_000))
  await again.store.idle()
  // Memory backends forget what they held: the copies are made anew before the doctor looks.
  await again.store.put(bytesOf(2, 1_000), { key: "k", durability: "all" })
  await expectHealthy(again)
}, 30_000)
