/** The audit of a backend that nobody has asked to scan: what the catalog knows is compared with what is there, and nothing else is taken in. */
import { readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { lookedAt, scanned } from "./scan-steps.ts"

const LATER = 30 * 3_600_000

/** A backend of ours with two proven copies, and a stranger's file. */
async function open(settings: object = {}) {
  const root = join(await temporaryDirectory(), "root")
  const opened = await openTestStore({ backends: { nas: { driver: "fs", root, ...settings } } })
  for (const key of ["k1", "k2"]) await opened.store.put(Buffer.from(key), { key, durability: "all" })
  await writeFile(join(root, "stranger"), "x")
  const drift: unknown[] = []
  opened.store.on("drift", ({ key, state }) => void drift.push({ key, state }))
  return { ...opened, root, drift }
}

/** A day and more goes by. */
function wait({ services }: OpenedStore): void {
  const later = services.clock.now() + LATER
  services.clock.now = () => later
}

async function ended(opened: OpenedStore): Promise<void> {
  await expect.poll(() => opened.store.scanStatus("nas").state, { timeout: 15_000 }).toBe("done")
  await lookedAt(opened, "nas")
}

function keysOf({ store }: OpenedStore): Promise<string[]> {
  return Array.fromAsync(store.list(), ({ key }) => key)
}

it("comes once a day without being asked for, tells what is missing or another, and takes nothing in", async () => {
  const opened = await open()
  const { store, services, root, drift } = opened
  await services.scans.audit()
  expect(store.scanStatus("nas")).toMatchObject({ number: 0, knownAsOf: null })
  await rm(join(root, "k1"))
  await writeFile(join(root, "k2"), "something else")
  wait(opened)
  await services.scans.audit()
  await ended(opened)
  expect(store.scanStatus("nas")).toMatchObject({ number: 1, audit: true, hash: false, added: 0, missing: 1 })
  await expect.poll(() => drift, { timeout: 15_000 }).toHaveLength(2)
  expect(drift).toEqual(
    expect.arrayContaining([
      { key: "k1", state: "missing" },
      { key: "k2", state: "corrupt" },
    ]),
  )
  expect(await keysOf(opened)).toEqual(["k1", "k2"])
  expect(store.getBackend("nas").scan).toMatchObject({ knownAsOf: services.clock.now() })
  // Not again before another day.
  await services.scans.audit()
  expect(store.scanStatus("nas").number).toBe(1)
})

it.each([
  ["is switched off", { scan: { every: "off" } }, false],
  ["is paused", {}, true],
])("does not come where the backend %s", async (_, settings, isPaused) => {
  const opened = await open(settings)
  const { store, services } = opened
  if (isPaused) await store.pauseBackend("nas")
  wait(opened)
  await services.scans.audit()
  expect(store.scanStatus("nas").number).toBe(0)
})

it("gives way to a scan that somebody asks for, which takes in what it finds", async () => {
  const opened = await open()
  const { store, services, root } = opened
  const held = Promise.withResolvers<void>()
  const { backend } = services.backends.get("nas")
  const list = backend.list.bind(backend)
  let lists = 0
  backend.list = async function* (options) {
    lists += 1
    if (lists === 1)
      await Promise.race([
        held.promise,
        new Promise<void>((end) => options!.signal!.addEventListener("abort", () => end())),
      ])
    yield* list(options)
  }
  wait(opened)
  await services.scans.audit()
  expect(store.scanStatus("nas")).toMatchObject({ number: 1, state: "running", audit: true })
  await scanned(opened, "nas")
  expect(store.scanStatus("nas")).toMatchObject({ number: 2, added: 1 })
  expect(store.scanStatus("nas")).not.toHaveProperty("audit")
  expect(await keysOf(opened)).toEqual(["k1", "k2", "nas/stranger"])
  expect((await readdir(root)).sort()).toEqual([".stored-tmp", "k1", "k2", "stranger"])
  held.resolve()
})
