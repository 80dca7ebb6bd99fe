/** More changes at once than the kernel keeps for a watch: those that it has thrown away are found all the same, by a scan that begins by itself. */
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it } from "vitest"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { LONG_AGO } from "../flow/resting-file.ts"

const LIMIT = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8"))
/** A file that is made, written and given its time is three events. */
const FILES = Math.ceil((LIMIT / 3) * 1.2)
const A_FOLDER = 10

it.skipIf(LIMIT > 20_000)("a burst beyond the kernel's queue is found whole", { timeout: 120_000 }, async () => {
  const root = await temporaryDirectory()
  const keys = Array.from({ length: FILES }, (_, index) => `d${Math.floor(index / A_FOLDER)}/f${index}`)
  for (let index = 0; index < FILES; index += A_FOLDER) mkdirSync(join(root, `d${index / A_FOLDER}`))
  const warned: string[] = []
  const opened = await openTestStore(
    {
      backends: {
        photos: { driver: "fs", root, watch: true, scan: { prefix: "", hash: false } },
        m: { driver: "memory" },
      },
      defaultBackends: ["m"],
    },
    { log: { debug: () => {}, info: () => {}, warn: (_, message = "") => void warned.push(message), error: () => {} } },
  )
  const { store } = opened
  const watch = () => store.getBackend("photos").watch
  await expect.poll(watch, { timeout: 60_000 }).toMatchObject({ state: "running" })
  await expect.poll(() => store.scanStatus("photos").state, { timeout: 30_000 }).toBe("done")
  expect(watch()).not.toHaveProperty("missed")
  // Nothing is taken out of the queue until this is done: what comes last finds it full.
  for (const key of keys) {
    writeFileSync(join(root, key), "x")
    utimesSync(join(root, key), LONG_AGO, LONG_AGO)
  }
  await expect.poll(watch, { timeout: 60_000 }).toMatchObject({ state: "running", missed: expect.any(Number) })
  expect(warned).toContain("hints may have been lost; a scan looks for them")
  const last = keys.at(-1)!
  await expect.poll(() => store.stat(last), { timeout: 60_000 }).toMatchObject({ state: "ACTIVE" })
  await expect.poll(() => store.status().objects, { timeout: 60_000 }).toBe(FILES)
})
