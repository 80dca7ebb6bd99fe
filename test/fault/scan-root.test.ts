/** A disk that goes while its folder is scanned, or was never there: nothing is taken for missing (row 34 of the fault table, I13). */
import { mkdir, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import { runDoctor } from "../../src/compose.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { scanned } from "../flow/scan-steps.ts"
import { run } from "../programs.ts"
import { mountTmpfs } from "./store-tmpfs.ts"

const LONG_AGO = new Date("2020-01-01T00:00:00Z")

async function fill(folder: string): Promise<void> {
  for (let index = 0; index < 40; index += 1) {
    const below = join(folder, `d${index % 4}`)
    await mkdir(below, { recursive: true })
    const path = join(below, `f${index}`)
    await writeFile(path, `content ${index}`)
    await utimes(path, LONG_AGO, LONG_AGO)
  }
}

it("a disk that was unmounted is no folder without files", async (context) => {
  const folder = await mountTmpfs(context, "size=8m")
  const data = await temporaryDirectory()
  await fill(folder)
  const backends = {
    photos: { driver: "fs", root: folder, scan: { prefix: "", every: "off" } },
    m: { driver: "memory" },
  }
  const opened = await openTestStore({ data, backends, defaultBackends: ["m"] })
  await scanned(opened, "photos")
  await run("umount", ["-l", folder])
  await opened.store.scan("photos")
  // It waits for the disk to come back.
  await expect.poll(() => opened.store.getBackend("photos").name).toBe("photos")
  await opened.store.pauseScan("photos")
  for await (const { key } of opened.store.list())
    expect(await opened.store.stat(key)).toMatchObject({ state: "ACTIVE" })
  await opened.store.close()
  // Opened anew on the empty mount point, which cannot be told from the folder but by what is not there.
  const again = await openTestStore({ data, backends, defaultBackends: ["m"] })
  await again.store.cancelScan("photos")
  await scanned(again, "photos")
  expect(again.store.scanStatus("photos")).toMatchObject({ state: "failed", error: { code: "BACKEND_UNAVAILABLE" } })
  expect(again.services.catalog.counters()).toMatchObject({ objects: 40, parked: 0 })
  await again.store.close()
  const report = await runDoctor({ data, backends })
  // The doctor sees that no copy is there now; the catalog itself is whole.
  expect(report.findings.every(({ invariant }) => invariant === "I4")).toBe(true)
})
