/** A scan that does not go on says why, for as long as that is so. */
import { expect, it } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { writeResting } from "./resting-file.ts"
import { lookedAt } from "./scan-steps.ts"

async function openFolder(scan: object = {}) {
  const folder = await temporaryDirectory()
  await writeResting(folder, "a", "a")
  return openTestStore({
    backends: { photos: { driver: "fs", root: folder, scan: { every: "off", ...scan } }, m: { driver: "memory" } },
    defaultBackends: ["m"],
  })
}

it("a scan that waits for room on the disk says so, and no more once it goes on", async () => {
  const { store, services } = await openFolder()
  const { catalog } = services
  const commit = catalog.commitSightings.bind(catalog)
  catalog.commitSightings = async () => {
    throw new StoredError("DISK_FULL", "The disk is full; make room on it.", { retryable: true })
  }
  expect(await store.scan("photos")).toMatchObject({ state: "running", waits: null })
  const waits = { code: "DISK_FULL", message: "The disk is full; make room on it." }
  await expect.poll(() => store.scanStatus("photos")).toMatchObject({ state: "running", waits })
  expect(store.getBackend("photos").scan).toMatchObject({ state: "running", waits })
  catalog.commitSightings = commit
  await expect.poll(() => store.scanStatus("photos"), { timeout: 10_000 }).toMatchObject({ state: "done", waits: null })
  expect(store.getBackend("photos").scan).not.toHaveProperty("waits")
})

it("looks that meet a fault say so, and no more once they go on", async () => {
  const opened = await openFolder()
  const { store, services } = opened
  const { catalog } = services
  const commit = catalog.commitSightings.bind(catalog)
  catalog.commitSightings = async () => {
    throw new StoredError("DISK_FULL", "The disk is full.", { retryable: true })
  }
  await store.look("photos", ["a"])
  await expect.poll(() => store.scanStatus("photos").waits).toMatchObject({ code: "DISK_FULL" })
  catalog.commitSightings = commit
  await lookedAt(opened, "photos")
  await expect.poll(() => store.scanStatus("photos")).toMatchObject({ looks: 0, waits: null })
})

it("one that may not read at this time of day says from when on it may", async () => {
  const hour = (new Date().getHours() + 2) % 24
  const text = String(hour).padStart(2, "0")
  const { store } = await openFolder({ between: `${text}:00-${text}:30` })
  await store.scan("photos")
  const message = expect.stringMatching(/lets nothing be read before \d{4}-.*Z\.$/)
  await expect
    .poll(() => store.scanStatus("photos"))
    .toMatchObject({ state: "done", looks: 1, waits: { code: "OUT_OF_HOURS", message } })
})
