/** A disk that goes while its folder is scanned, or was never there: nothing is taken for missing (row 34 of the fault table, I13). */
import { access, mkdir, readdir, rename, rm, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { type OpenedStore, runDoctor } from "../../src/compose.ts"
import type { BackendMode } from "../../src/core/scan-settings.ts"
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
  // Opened anew on the mount point, with something in it.
  await writeFile(join(folder, "other"), "x")
  const again = await openTestStore({ data, backends, defaultBackends: ["m"] })
  await expect(again.store.scan("photos", { force: true })).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" })
  expect(await statesOf(again)).toEqual(new Set(["ACTIVE"]))
  await again.store.close()
  await mount()
  const report = await runDoctor({ data, backends })
  expect(report.findings).toEqual([])
})

/** A backend of our own with a proven copy, and its disk away: `empty`, a directory is where it was. */
async function away({ empty = true, mode = "observe" }: { empty?: boolean; mode?: BackendMode } = {}) {
  const root = join(await temporaryDirectory(), "root")
  const data = await temporaryDirectory()
  const config = {
    data,
    backends: { nas: { driver: "fs", root, mode }, m: { driver: "memory" } },
    defaultBackends: ["nas"],
  }
  const first = await openTestStore(config)
  await first.store.put(Buffer.from("before"), { key: "before", durability: "all" })
  await first.store.close()
  await rename(root, `${root}-away`)
  if (empty) {
    // On the disk of the system, by whoever mounts disks, or by a hand.
    await mkdir(join(root, ".stored-tmp"), { recursive: true })
    await writeFile(join(root, "other"), "x")
  }
  const back = async (): Promise<void> => {
    await rm(root, { recursive: true, force: true })
    await rename(`${root}-away`, root)
  }
  return { opened: await openTestStore(config), config, root, back }
}

it.each([
  ["a directory is at its path", true],
  ["nothing is at its path", false],
])(
  "a store that begins while the disk of a backend is away and %s proves nothing there, and waits for it",
  async (_, empty) => {
    const { opened, root, back } = await away({ empty, mode: "enforce" })
    const { store, services } = opened
    expect(store.getBackend("nas")).toMatchObject({
      state: "unavailable",
      error: { code: "BACKEND_UNAVAILABLE", retryable: true, message: expect.stringMatching(/mount its disk/) },
    })
    const { id } = await store.put(Buffer.from("meanwhile"), { key: "meanwhile" })
    await expect(store.scan("nas", { force: true })).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" })
    await services.scans.audit()
    expect(services.catalog.location("nas", "meanwhile") ?? { state: "pending" }).not.toMatchObject({ state: "synced" })
    expect(await statesOf(opened)).toEqual(new Set(["ACTIVE"]))
    if (empty) expect((await readdir(root)).sort()).toEqual([".stored-tmp", "other"])
    else await expect(access(root)).rejects.toMatchObject({ code: "ENOENT" })
    await back()
    await store.synced(id, { backends: ["nas"] })
    expect(store.getBackend("nas")).toMatchObject({ state: "open" })
    await scanned(opened, "nas")
    expect(store.scanStatus("nas")).toMatchObject({ state: "done", missing: 0 })
    expect(await statesOf(opened)).toEqual(new Set(["ACTIVE"]))
  },
)

it("a new disk in place of a lost one is taken once somebody says so, and made whole again", async () => {
  const { opened, root, config } = await away()
  const { store } = opened
  await expect(store.testBackend("nas")).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" })
  await expect(store.testBackend("nas", { accept: true })).resolves.toMatchObject({ state: "open" })
  const { id } = await store.put(Buffer.from("after"), { key: "after" })
  await store.synced(id, { backends: ["nas"] })
  await store.close()
  // It is known from now on.
  const again = await openTestStore(config)
  expect(again.store.getBackend("nas")).toMatchObject({ state: "open" })
  await scanned(again, "nas")
  await again.store.heal("nas")
  await again.store.idle()
  expect((await readdir(root)).sort()).toEqual([".stored-tmp", "after", "before", "other"])
})

it("settings that change leave a backend where it is", async () => {
  const { config, opened, root } = await away()
  await opened.store.close()
  const backends = { ...config.backends, nas: { ...config.backends.nas, concurrency: 2 } }
  const again = await openTestStore({ ...config, backends })
  expect(again.store.getBackend("nas")).toMatchObject({ state: "unavailable", config: { concurrency: 2 } })
  expect((await readdir(root)).sort()).toEqual([".stored-tmp", "other"])
})

it("a backend of an older program is marked at its first opening, and not where it is empty", async () => {
  const { config, opened, back, root } = await away()
  const { catalog } = opened.services
  const forget = async (): Promise<void> => void (await catalog.commitIdentity({ backend: "nas", identity: {} }))
  await forget()
  await opened.store.close()
  await rm(join(root, "other"))
  const empty = await openTestStore(config)
  expect(empty.store.getBackend("nas")).toMatchObject({ state: "unavailable", error: { code: "BACKEND_UNAVAILABLE" } })
  await empty.store.close()
  await back()
  await rm(join(root, ".stored-tmp"), { recursive: true })
  const marked = await openTestStore(config)
  expect(marked.store.getBackend("nas")).toMatchObject({ state: "open" })
  expect(await readdir(join(root, ".stored-tmp"))).toEqual([expect.stringMatching(/^root-/)])
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
