/** A disk that goes while its folder is scanned, or was never there: nothing is taken for missing (row 34 of the fault table, I13). */
import { mkdir, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { type OpenedStore, runDoctor } from "../../src/compose.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { scanned } from "../flow/scan-steps.ts"
import { requireHost } from "../host-needs.ts"
import { run } from "../programs.ts"

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
  await requireHost(context, "mount")
  const disk = await temporaryDirectory()
  const folder = join(await temporaryDirectory(), "mounted")
  const data = await temporaryDirectory()
  await mkdir(folder)
  await fill(disk)
  const mount = (): Promise<unknown> => run("mount", ["--bind", disk, folder])
  await mount()
  onTestFinished(() => run("umount", ["-l", folder]).then(() => {}))
  const backends = {
    photos: { driver: "fs", root: folder, scan: { prefix: "", every: "off" } },
    m: { driver: "memory" },
  }
  const interrupted = Promise.withResolvers<void>()
  const warn = (_facts: unknown, message?: string): void => {
    if (message === "a scan was interrupted") interrupted.resolve()
  }
  const opened = await openTestStore(
    { data, backends, defaultBackends: ["m"] },
    { log: { debug: () => {}, info: () => {}, warn, error: () => {} } },
  )
  await scanned(opened, "photos")
  await run("umount", ["-l", folder])
  await opened.store.scan("photos")
  await interrupted.promise
  expect(opened.store.scanStatus("photos")).toMatchObject({ state: "running", missing: 0 })
  expect(await statesOf(opened)).toEqual(new Set(["ACTIVE"]))
  await mount()
  await next(opened)
  expect(opened.store.scanStatus("photos")).toMatchObject({ state: "done", missing: 0, added: 0 })
  await run("umount", ["-l", folder])
  await opened.store.close()
  // Opened anew on the empty mount point, which only what is not there tells from the folder.
  const again = await openTestStore({ data, backends, defaultBackends: ["m"] })
  await scanned(again, "photos")
  expect(again.store.scanStatus("photos")).toMatchObject({ state: "failed", error: { code: "BACKEND_UNAVAILABLE" } })
  expect(await statesOf(again)).toEqual(new Set(["ACTIVE"]))
  await again.store.close()
  await mount()
  const report = await runDoctor({ data, backends })
  expect(report.findings).toEqual([])
})

async function statesOf({ store }: OpenedStore): Promise<Set<string | undefined>> {
  const states = new Set<string | undefined>()
  for await (const { key } of store.list()) states.add((await store.stat(key))?.state)
  return states
}

/** Resolves when the scan that is under way has ended. */
function next({ store }: OpenedStore): Promise<void> {
  return new Promise((resolve) => {
    const stop = store.on("scan", ({ state }) => {
      if (state !== "done") return
      stop()
      resolve()
    })
  })
}
