/**
 * Row 22: the disk of staging is full, of bytes or of inodes. A put gets DISK_FULL and leaves nothing; what was put before can be read and removed,
 * and then there is room again. On a small tmpfs; where none can be mounted, the tests say so.
 */
import { statfsSync } from "node:fs"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { describe, expect, it } from "vitest"
import { stageFile } from "../../src/staging/stage-file.ts"
import type { Received } from "../../src/staging/staging.ts"
import { bytesOf, hashers, inMemory, live, streaming } from "../contract/staging-sources.ts"
import { type OpenedStaging, openStaging, temporaryDirectory } from "./staging-open.ts"
import { mountTmpfs } from "./store-tmpfs.ts"

/** Puts until the disk is full, then looks at what that did. */
async function untilFull(
  { staging, put, temporary }: OpenedStaging,
  size: number,
  sentence: RegExp,
): Promise<Received[]> {
  const all: Received[] = []
  const fill = async (): Promise<never> => {
    for (;;) all.push(await put(inMemory(bytesOf(size)), true))
  }
  const full: unknown = await fill().catch((error: unknown) => error)
  expect(full).toMatchObject({ code: "DISK_FULL", message: expect.stringMatching(sentence) })
  expect(await temporary()).toEqual([])
  expect(all.length).toBeGreaterThan(5)
  for (const { id } of all) expect(await staging.check(id, size)).toBe("good")
  return all
}

async function roomAgain({ staging, ledger, put }: OpenedStaging, all: Received[], size: number): Promise<void> {
  for (const { id } of all) {
    ledger.rows.delete(id)
    expect(await staging.remove(id)).toBe(true)
  }
  expect((await put(inMemory(bytesOf(size)))).size).toBe(size)
}

describe("a full disk", () => {
  it("of bytes: puts are refused, everything else goes on", async (context) => {
    const opened = await openStaging({ directory: await mountTmpfs(context, "size=16m") })
    const all = await untilFull(opened, 300_000, /is short of .* for these 293 KiB/)
    await roomAgain(opened, all, 300_000)
  })

  it("of inodes: the same", async (context) => {
    const directory = await mountTmpfs(context, "size=64m,nr_inodes=80")
    const opened = await openStaging({ directory })
    const all = await untilFull(opened, 10, /no inodes left/)
    // Refused while some are left, for whoever else needs one.
    expect(statfsSync(directory).ffree).toBeGreaterThan(8)
    await roomAgain(opened, all, 10)
  })

  it("keeps the low-water mark: refused before a byte is written", async (context) => {
    const directory = await mountTmpfs(context, "size=16m")
    const { put, temporary } = await openStaging({ directory, minFree: 10 * 2 ** 20 })
    const before = statfsSync(directory).bfree
    for (const source of [streaming(bytesOf(7 * 2 ** 20), { sized: true }), inMemory(bytesOf(7 * 2 ** 20))]) {
      await expect(put(source)).rejects.toMatchObject({ code: "DISK_FULL", retryable: true })
    }
    expect(statfsSync(directory).bfree).toBe(before)
    expect(await temporary()).toEqual([])
    await put(inMemory(bytesOf(2 ** 20)))
  })

  it("drops what is evictable before it refuses", async (context) => {
    const opened = await openStaging({ directory: await mountTmpfs(context, "size=16m") })
    for (let index = 0; index < 30; index += 1) await opened.put(inMemory(bytesOf(2 ** 20)))
    expect(opened.ledger.usage().entries).toBeGreaterThan(5)
    expect(opened.ledger.usage().entries).toBeLessThan(16)
  })

  it("that somebody else fills while a file is copied", async (context) => {
    const directory = await mountTmpfs(context, "size=24m")
    const filler = join(directory, "filler")
    const { put, temporary, staging } = await openStaging({
      directory,
      stageFile: async (task, { signal }) => {
        await writeFile(filler, Buffer.alloc(18 * 2 ** 20))
        return stageFile(task, hashers, signal)
      },
    })
    const path = join(await temporaryDirectory(), "source")
    const bytes = bytesOf(10 * 2 ** 20)
    await writeFile(path, bytes)
    const source = { path, size: bytes.length, read: () => Readable.from([bytes]) }
    await expect(put(source)).rejects.toMatchObject({ code: "DISK_FULL", cause: { code: "ENOSPC" } })
    expect(await temporary()).toEqual([])
    expect(await Array.fromAsync(staging.list())).toEqual([])
  })

  it("that somebody else fills while a stream comes in", async (context) => {
    const directory = await mountTmpfs(context, "size=24m")
    const { put, temporary, staging } = await openStaging({ directory })
    const { source, stream } = live(12 * 2 ** 20)
    stream.push(bytesOf(2 ** 20))
    const failed = expect(put(source)).rejects.toMatchObject({ code: "DISK_FULL", cause: { code: "ENOSPC" } })
    await begun(temporary)
    await writeFile(join(directory, "filler"), Buffer.alloc(18 * 2 ** 20))
    for (let index = 1; index < 12; index += 1) stream.push(bytesOf(2 ** 20))
    stream.push(null)
    await failed
    expect(stream.destroyed).toBe(true)
    expect(await temporary()).toEqual([])
    expect(await Array.fromAsync(staging.list())).toEqual([])
  })

  it("that somebody else fills between two small puts", async (context) => {
    const directory = await mountTmpfs(context, "size=16m,nr_inodes=2000")
    const { put, temporary, staging } = await openStaging({ directory })
    const first = await put(inMemory(bytesOf(1000)), true)
    await writeFile(join(directory, "filler"), Buffer.alloc(16 * 2 ** 20)).catch((error: unknown) => {
      expect(error).toMatchObject({ code: "ENOSPC" })
    })
    await expect(put(inMemory(bytesOf(100_000)))).rejects.toMatchObject({ code: "DISK_FULL" })
    await rm(join(directory, "filler"))
    await mkdir(join(directory, "names"))
    const names = Array.from({ length: 2000 }, (_, index) => writeFile(join(directory, "names", String(index)), ""))
    expect((await Promise.allSettled(names)).some((end) => end.status === "rejected")).toBe(true)
    await expect(put(inMemory(bytesOf(1000)))).rejects.toMatchObject({ code: "DISK_FULL" })
    expect(await temporary()).toEqual([])
    expect(await staging.check(first.id, 1000)).toBe("good")
    await rm(join(directory, "names"), { recursive: true })
    await put(inMemory(bytesOf(100_000)))
    expect(await Array.fromAsync(staging.list())).toHaveLength(2)
  })

  it("is told when it is opened", async (context) => {
    const directory = await mountTmpfs(context, "size=1m,nr_inodes=2")
    await writeFile(join(directory, "filler"), "")
    await expect(openStaging({ directory: join(directory, "staging") })).rejects.toMatchObject({ code: "DISK_FULL" })
  })

  it("that is read-only is told when it is opened", async (context) => {
    const opening = openStaging({ directory: await mountTmpfs(context, "ro") })
    await expect(opening).rejects.toMatchObject({ code: "DATA_DIRECTORY_UNUSABLE" })
    await expect(opening).rejects.toThrow("mount its disk writable")
  })
})

/** Staging has made its temporary file. */
async function begun(temporary: () => Promise<string[]>): Promise<void> {
  while ((await temporary()).length === 0) await new Promise((resolve) => setImmediate(resolve))
}
