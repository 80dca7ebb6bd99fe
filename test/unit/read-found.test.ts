/** What was read is only believed of the state in which it was found (I13, row 34). */
import { utimes, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { expect, it } from "vitest"
import { hashFiles } from "../../src/checksums/hash-files.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { Budget } from "../../src/store/scan/budget.ts"
import { GoneFiles } from "../../src/store/scan/gone-files.ts"
import { FoundReader } from "../../src/store/scan/read-found.ts"
import type { ScannedBackend } from "../../src/store/scan/scan-parts.ts"
import { idOf } from "../contract/catalog.facts.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"

const hashers = await createHashers()

it("a file that is another one by the time it is read is looked at again", async () => {
  const folder = await temporaryDirectory()
  const path = join(folder, "a")
  await writeFile(path, "before")
  const opened = await openTestStore({ backends: { photos: { driver: "fs", root: folder, scan: { every: "off" } } } })
  const backend = await opened.services.backends.opened("photos")
  const [entry] = await Array.fromAsync(backend.list())
  const change = { between: async (): Promise<void> => {} }
  const scanned = {
    services: opened.services,
    backend,
    gone: new GoneFiles(),
    signal: opened.services.lifecycle.signal,
    budget: { take: async () => {}, atOnce: Number.POSITIVE_INFINITY },
    hashFiles: async (task: Parameters<typeof hashFiles>[0]) => {
      await change.between()
      return hashFiles(task, hashers)
    },
  } as unknown as ScannedBackend
  const reader = new FoundReader(scanned)
  expect(await reader.read([entry!])).toEqual([{ type: "read", checksums: { sha256: idOf("before").slice(7) } }])
  // Of the same size, and with its old time set again.
  change.between = async () => {
    await writeFile(path, "behind")
    await utimes(path, entry!.modified / 1000, entry!.modified / 1000)
  }
  expect(await reader.read([entry!])).toEqual([{ type: "moving" }])
})

const LARGE = 24 * 2 ** 20

/** A file of many pieces, and what reads it within a budget. */
async function largeFile(budget: object, signal: AbortSignal) {
  const folder = await temporaryDirectory()
  const content = "x".repeat(LARGE)
  await writeFile(join(folder, "large"), content)
  await writeFile(join(folder, "small"), "small")
  const opened = await openTestStore({ backends: { photos: { driver: "fs", root: folder, scan: { every: "off" } } } })
  const backend = await opened.services.backends.opened("photos")
  const entries = await Array.fromAsync(backend.list())
  const hashed: string[] = []
  const scanned = {
    services: opened.services,
    backend,
    gone: new GoneFiles(),
    signal,
    budget,
    hashFiles: async (task: Parameters<typeof hashFiles>[0]) => {
      hashed.push(...task.paths)
      return hashFiles(task, hashers)
    },
  } as unknown as ScannedBackend
  const read = { type: "read", checksums: { sha256: idOf(content).slice(7) } }
  return { reader: new FoundReader(scanned), entries, read, hashed: () => hashed.map((path) => basename(path)) }
}

it("while there is a bound, a large file is read piece by piece, and each piece asked for", async () => {
  const taken: number[] = []
  const budget = { atOnce: 100_000, take: async (bytes: number) => void taken.push(bytes) }
  const { reader, entries, read, hashed } = await largeFile(budget, AbortSignal.timeout(60_000))
  expect((await reader.read(entries))[0]).toEqual(read)
  expect(hashed()).toEqual(["small"])
  expect(taken.reduce((sum, bytes) => sum + bytes, 0)).toBe(LARGE + "small".length)
  expect(Math.max(...taken)).toBeLessThan(LARGE)
})

it("the end of its hours stops the reading within a file", async () => {
  const control = new AbortController()
  const stopped = Promise.withResolvers<void>()
  const clock = { now: () => new Date(2026, 5, 15, 12, 59).getTime() }
  const hours = new Budget({ rate: null, between: { from: 720, to: 780 } }, clock)
  let read = 0
  const budget = {
    atOnce: 100_000,
    take: async (bytes: number, signal: AbortSignal) => {
      read += bytes
      if (read > 0) clock.now = () => new Date(2026, 5, 15, 13, 0).getTime()
      if (hours.untilOpen() > 0) stopped.resolve()
      await hours.take(bytes, signal)
    },
  }
  const { reader, entries } = await largeFile(budget, control.signal)
  const reading = reader.read(entries.slice(0, 1))
  await stopped.promise
  expect(read).toBeLessThan(LARGE)
  control.abort()
  await expect(reading).rejects.toMatchObject({ code: "ABORTED" })
})
