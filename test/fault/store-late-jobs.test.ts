/**
 * A job that does not heed its deadline writes after a newer version was proven, or after the object was deleted: its end is noticed, and what it
 * did is put right without anybody asking.
 */
import { expect, test } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import type { StoreEvents } from "../../src/core/event.ts"
import { memoryBackend, openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { bytesOf, codeOf, createGate, expectHealthy, type Gate } from "./store-harness.ts"

const ONE = { backends: { a: { driver: "memory" } } }
/** Long enough for a job that does not hang, short for one that does. */
const QUICK = { jobDeadline: 500 }
const OLD = bytesOf(1, 3_000)
const NEW = bytesOf(2, 4_000)

/** A store whose first put of `k` heeds nobody: it waits at the gate, and then the old bytes are there, whatever was there before. */
async function openWithHangingPut(config: StoreConfigInput = {}): Promise<{ opened: OpenedStore; gate: Gate }> {
  const opened = await openTestStore({ ...ONE, ...config }, QUICK)
  const gate = createGate()
  const backend = memoryBackend(opened, "a")
  backend.intercept = async (operation, key) => {
    if (operation !== "put" || key !== "k") return
    backend.intercept = undefined
    await gate.pass()
    await backend.put("k", { size: OLD.length, bytes: OLD, read: () => neverRead() })
  }
  await opened.store.put(OLD, { key: "k" })
  await gate.reached
  return { opened, gate }
}

function neverRead(): never {
  throw new Error("the bytes are at hand")
}

function next<Name extends keyof StoreEvents>({ store }: OpenedStore, name: Name): Promise<StoreEvents[Name]> {
  return new Promise((resolve) => {
    const stop = store.on(name, (data) => {
      stop()
      resolve(data)
    })
  })
}

test("over a newer version that was proven already: the newer one is there again", async () => {
  const { opened, gate } = await openWithHangingPut()
  const { store } = opened
  const { id } = await store.put(NEW, { key: "k" })
  await store.synced("k")
  const proven = next(opened, "sync:complete")
  gate.open()
  expect(await proven).toMatchObject({ key: "k", backend: "a", checksum: id })
  expect(await memoryBackend(opened, "a").stat("k")).toMatchObject({ size: NEW.length })
  expect((await store.stat("k"))?.locations[0]).toMatchObject({ synced: true })
  await expectHealthy(opened)
}, 20_000)

test("under a key that was deleted and cleared already: it is cleared again", async () => {
  const { opened, gate } = await openWithHangingPut()
  const { store } = opened
  const cleared = next(opened, "sync:complete")
  await store.delete("k", { wait: 0 })
  expect(await cleared).toMatchObject({ checksum: null })
  const again = next(opened, "sync:complete")
  gate.open()
  expect(await again).toMatchObject({ key: "k", backend: "a", checksum: null })
  expect(await memoryBackend(opened, "a").stat("k")).toBeNull()
  await expectHealthy(opened)
}, 20_000)

test.each(["before", "after"])(
  "of a backend whose removal was refused %s its deadline: what it did is put right",
  async (moment) => {
    const { opened, gate } = await openWithHangingPut()
    const { store } = opened
    const { id } = await store.put(NEW, { key: "k" })
    if (moment === "after") await store.synced("k")
    expect(await codeOf(store.removeBackend("a"))).toBe("LAST_COPY")
    await store.synced("k")
    const proven = next(opened, "sync:complete")
    gate.open()
    expect(await proven).toMatchObject({ key: "k", backend: "a", checksum: id })
    expect(await memoryBackend(opened, "a").stat("k")).toMatchObject({ size: NEW.length })
    await expectHealthy(opened)
  },
  20_000,
)

test("after the store was closed: the next start looks again before it trusts the copy", async () => {
  const data = await temporaryDirectory()
  const { opened, gate } = await openWithHangingPut({ data })
  await opened.store.put(NEW, { key: "k" })
  await opened.store.synced("k")
  await opened.store.close()
  gate.open()
  const again = await openTestStore({ ...ONE, data }, { work: false })
  expect((await again.store.stat("k"))?.locations[0]).toMatchObject({ synced: false })
  await again.store.close()
  const last = await openTestStore({ ...ONE, data })
  await last.store.synced("k")
  await expectHealthy(last)
}, 20_000)
