/** A directory that was renamed takes its files along: what is known of them is known under their new keys, without another read. */
import { mkdir, rename, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, it } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { openTestStore, temporaryDirectory } from "./open-store.ts"
import { LONG_AGO, writeResting as write } from "./resting-file.ts"
import { scanned } from "./scan-steps.ts"

const KEYS = ["2023/a", "2023/b/c"]

/** A folder that was scanned. `read`: paths of files that were read since, from the root. */
async function openFolder(): Promise<OpenedStore & { folder: string; read: string[] }> {
  const folder = await temporaryDirectory()
  for (const key of [...KEYS, "stays"]) await write(folder, key, key)
  const opened = await openTestStore({
    backends: { photos: { driver: "fs", root: folder, scan: { prefix: "", every: "off" } }, m: { driver: "memory" } },
    defaultBackends: ["m"],
  })
  await scanned(opened, "photos")
  const read: string[] = []
  const run = opened.scanPool.run.bind(opened.scanPool)
  opened.scanPool.run = ((name: string, task: { paths?: string[] }, options: object) => {
    read.push(...(task.paths ?? []).map((path) => path.slice(folder.length + 1)))
    return run(name, task, options)
  }) as typeof run
  return { ...opened, folder, read }
}

async function moveYear({ folder }: { folder: string }): Promise<void> {
  await mkdir(join(folder, "archive"))
  await rename(join(folder, "2023"), join(folder, "archive/2023"))
}

const keysOf = ({ store }: OpenedStore): Promise<string[]> => Array.fromAsync(store.list(), ({ key }) => key)

/** Whether the machine that tests keeps change times as `keepsChangeTimes` asks for. */
const keeps = async ({ services }: OpenedStore): Promise<boolean> =>
  (await services.backends.get("photos").backend.keepsChangeTimes?.("stays")) === true

it("its files are not read again, keep their proof, and are moves", async ({ skip }) => {
  const opened = await openFolder()
  if (!(await keeps(opened))) skip("the file system of temporary directories is not known to keep change times")
  const { store, services } = opened
  const { verified } = services.catalog.location("photos", "2023/a")!
  const moves: unknown[] = []
  store.on("move", ({ key, from }) => moves.push([from, key]))
  await moveYear(opened)
  await scanned(opened, "photos")
  expect(opened.read).toEqual([])
  expect(await keysOf(opened)).toEqual(["archive/2023/a", "archive/2023/b/c", "stays"])
  expect(moves).toEqual(KEYS.map((key) => [key, `archive/${key}`]))
  expect(await store.stat("archive/2023/a")).toMatchObject({ id: idOf("2023/a"), locations: [{ synced: true }] })
  expect(services.catalog.location("photos", "archive/2023/a")).toMatchObject({ verified })
  expect((await store.get("archive/2023/a")).toString()).toBe("2023/a")
})

it("one that was rewritten on the way is read, though size and time are as before", async () => {
  const opened = await openFolder()
  const { folder, store } = opened
  await moveYear(opened)
  await writeFile(join(folder, "archive/2023/a"), "other!")
  await utimes(join(folder, "archive/2023/a"), LONG_AGO, LONG_AGO)
  expect((await stat(join(folder, "archive/2023/a"))).mtimeMs).toBe(LONG_AGO.getTime())
  await scanned(opened, "photos")
  expect(opened.read).toContain("archive/2023/a")
  expect(await store.stat("archive/2023/a")).toMatchObject({ id: idOf("other!") })
})

it("on a file system that does not keep change times everything is read", async () => {
  const opened = await openFolder()
  opened.services.backends.get("photos").backend.keepsChangeTimes = async () => false
  await moveYear(opened)
  await scanned(opened, "photos")
  expect(opened.read.sort()).toEqual(KEYS.map((key) => `archive/${key}`))
  expect(await keysOf(opened)).toEqual(["archive/2023/a", "archive/2023/b/c", "stays"])
})

it("what was not good under its old key is read under the new one", async () => {
  const opened = await openFolder()
  // A read has shown that it is not what it should be.
  const { generation } = opened.services.catalog.location("photos", "2023/a")!
  const fact = { backend: "photos", key: "2023/a", state: "corrupt" as const, repair: false, generation }
  await opened.services.catalog.commitDrift({ ...fact, time: opened.services.clock.now() })
  await moveYear(opened)
  await scanned(opened, "photos")
  expect(opened.read).toContain("archive/2023/a")
})
