/** The doctor's treatment: what it mends, what it must not call mended, and bytes that it must not throw away. */
import { expect, test } from "vitest"
import { treat } from "../../src/doctor/doctor.ts"
import { memoryBackend, openTestStore } from "./open-store.ts"

const content = Buffer.alloc(1_000, 3)

test("good staged bytes that the catalog does not count are counted on again, not removed", async () => {
  const opened = await openTestStore({ defaultBackends: ["a"] })
  const { store, services } = opened
  memoryBackend(opened, "a").intercept = () => new Promise(() => {})
  const { id } = await store.put(content, { key: "k" })
  await services.runner.removeBackend("a", 0)
  await services.catalog.commitCorrupt(id, { found: "missing" }, 1)
  expect((await store.stat("k"))?.staged).toBe(false)
  const report = await treat(opened, { repair: true })
  expect(report.findings.filter((finding) => finding.severity === "fault")).toEqual([])
  expect(report.repaired).toBe(1)
  expect(await store.get("k")).toEqual(content)
})

test("a lost copy is mended from a good one, and a copy that cannot be mended is not called so", async () => {
  const opened = await openTestStore()
  const { store } = opened
  await store.put(content, { key: "k", durability: "all" })
  await memoryBackend(opened, "a").delete("k")
  const mended = await treat(opened, { repair: true })
  expect(mended).toMatchObject({ clean: true, repaired: 1 })
  await memoryBackend(opened, "a").delete("k")
  memoryBackend(opened, "a").intercept = (operation) => {
    if (operation === "put") throw Object.assign(new Error("no room"), { code: "ENOSPC" })
  }
  const unmended = await treat(opened, { repair: true })
  expect(unmended).toMatchObject({ clean: false, repaired: 0 })
})
