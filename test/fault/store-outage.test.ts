/**
 * A backend that is down for a while: the breaker opens, probes, and closes; no attempts are burnt and nothing is parked for the outage; a restart
 * in its midst loses nothing. A fault of one object alone is parked with an alarm and holds up nobody.
 */
import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { PermanentAdapterError, TransientAdapterError } from "../../src/core/error.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { bytesOf, codeOf, expectHealthy } from "./store-harness.ts"

const ONE = { backends: { a: { driver: "memory" } } }
const QUICK = {
  retry: { baseDelay: 2, maxDelay: 10, maxAttempts: 3 },
  breaker: { threshold: 3, pause: 5, maxPause: 20 },
}
const away = (): Promise<void> => Promise.reject(new TransientAdapterError("The backend is away."))

test("the breaker opens, lets probes through, and closes; attempts are not burnt", async () => {
  const opened = await openTestStore(ONE, QUICK)
  const { store } = opened
  const backend = memoryBackend(opened, "a")
  backend.intercept = away
  const states: string[] = []
  const back = Promise.withResolvers<void>()
  store.on("backend:breaker", ({ state }) => {
    states.push(state)
    // Many more failed probes than one job has attempts.
    if (states.filter((each) => each === "half-open").length < 10 || !backend.intercept) return
    backend.intercept = undefined
    back.resolve()
  })
  const keys = Array.from({ length: 20 }, (_, index) => `k-${index}`)
  await Promise.all(keys.map((key, index) => store.put(bytesOf(index, 500), { key })))
  await back.promise
  await Promise.all(keys.map((key) => store.synced(key)))
  expect(states.slice(0, 3)).toEqual(["open", "half-open", "open"])
  expect(states.at(-1)).toBe("closed")
  expect(store.getBackend("a").breaker).toBe("closed")
  expect([...store.failed()]).toEqual([])
  expect(store.status()).toMatchObject({ syncsCompleted: 20, syncsFailed: 0 })
  await expectHealthy(opened)
})

test("an outage of one backend opens its own breaker only", async () => {
  const opened = await openTestStore({}, QUICK)
  const { store } = opened
  memoryBackend(opened, "a").intercept = away
  const open = Promise.withResolvers<void>()
  store.on("backend:breaker", ({ backend, state }) => {
    expect(backend).toBe("a")
    if (state === "open") open.resolve()
  })
  await Promise.all(Array.from({ length: 10 }, (_, index) => store.put(bytesOf(index, 500), { key: `k-${index}` })))
  await open.promise
  for (let index = 0; index < 10; index += 1) await store.synced(`k-${index}`, { backends: ["b"] })
  expect(store.getBackend("b")).toMatchObject({ breaker: "closed", pending: 0 })
  memoryBackend(opened, "a").intercept = undefined
  for (let index = 0; index < 10; index += 1) await store.synced(`k-${index}`)
  await expectHealthy(opened)
})

test("a restart in the middle of the retries: the rows, their attempts and their errors are kept, and the work goes on", async () => {
  const first = await openTestStore(ONE, { ...QUICK, breaker: { threshold: 100, pause: 5, maxPause: 20 } })
  memoryBackend(first, "a").intercept = away
  await first.store.put(bytesOf(1, 500), { key: "k" })
  const failedOnce = async (): Promise<void> => {
    while (first.services.catalog.location("a", "k")?.attempts === 0) await new Promise((next) => setImmediate(next))
  }
  await failedOnce()
  await first.store.close()

  const second = await openTestStore({ ...ONE, data: first.directory }, { ...QUICK, work: false })
  expect(second.services.catalog.location("a", "k")).toMatchObject({
    attempts: expect.toSatisfy((attempts: number) => attempts > 0),
    error: { code: "BACKEND_UNAVAILABLE" },
  })
  await second.store.close()

  const third = await openTestStore({ ...ONE, data: first.directory }, QUICK)
  await third.store.retry()
  await third.store.synced("k")
  expect([...third.store.failed()]).toEqual([])
  await expectHealthy(third)
})

test("tries that are used up are parked with an alarm; others go on; retry takes them up again", async () => {
  const opened = await openTestStore(ONE, { ...QUICK, breaker: { threshold: 1_000, pause: 5, maxPause: 20 } })
  const { store } = opened
  memoryBackend(opened, "a").intercept = (operation, key) =>
    operation === "put" && key === "bad" ? away() : Promise.resolve()
  const alarm = new Promise((resolve) => void store.on("sync:error", resolve))
  await store.put(bytesOf(1, 500), { key: "bad" })
  await store.put(bytesOf(2, 500), { key: "good" })
  expect(await alarm).toMatchObject({ key: "bad", backend: "a", error: { code: "BACKEND_UNAVAILABLE" } })
  await store.synced("good")
  expect(await codeOf(store.synced("bad"))).toBe("BACKEND_UNAVAILABLE")
  expect([...store.failed({ backend: "a" })]).toMatchObject([
    { status: "parked", payload: { key: "bad" }, attempts: 3 },
  ])
  expect(store.getBackend("a").failed).toBe(1)
  expect(await store.get("bad")).toEqual(bytesOf(1, 500))
  memoryBackend(opened, "a").intercept = undefined
  expect(await store.retry({ key: "bad" })).toBe(1)
  await store.synced("bad")
  expect([...store.failed()]).toEqual([])
  await expectHealthy(opened)
})

test("a permanent fault is parked at its first try", async () => {
  const opened = await openTestStore(ONE, QUICK)
  const { store } = opened
  let tries = 0
  memoryBackend(opened, "a").intercept = (operation) => {
    if (operation !== "put") return
    tries += 1
    throw new PermanentAdapterError("BACKEND_REFUSED", "It takes no such thing.")
  }
  await store.put(bytesOf(1, 500), { key: "k" })
  expect(await codeOf(store.synced("k"))).toBe("BACKEND_REFUSED")
  await store.idle()
  expect(tries).toBe(1)
  expect(store.getBackend("a").breaker).toBe("closed")
  memoryBackend(opened, "a").intercept = undefined
  await store.retry()
  await store.synced("k")
  await expectHealthy(opened)
})

test("a backend that cannot be opened at the start is taken up when it can be", async () => {
  const directory = await temporaryDirectory()
  const root = join(directory, "root")
  await writeFile(root, "a file is in the way")
  const opened = await openTestStore({ data: join(directory, "data"), backends: { a: { driver: "fs", root } } }, QUICK)
  const { store } = opened
  expect(store.getBackend("a").state).toBe("unavailable")
  const refused = new Promise((resolve) => void store.on("sync:error", resolve))
  await store.put(bytesOf(1, 500), { key: "k" })
  await refused
  await rm(root)
  await mkdir(root)
  await store.retry()
  await store.synced("k")
  expect(store.getBackend("a").state).toBe("open")
  await expectHealthy(opened)
})
