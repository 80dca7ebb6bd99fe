/** What is read: ranges, what is not there, aborts, removal meanwhile. */
import { expect, it } from "vitest"
import { bytesOf, collect, idOf, inMemory } from "../staging-sources.ts"
import { LARGE, MIDDLE, type OpenStaging, SMALL } from "./harness.ts"

export function readCases(open: OpenStaging): void {
  it.each([SMALL, MIDDLE, LARGE])("ranges of %d bytes", async (size) => {
    const { staging, put } = await open()
    const bytes = bytesOf(size)
    const { id } = await put(inMemory(bytes))
    const source = await staging.source(id, size)
    const middle = Math.floor(size / 2)
    for (const [start, end] of [
      [0, 1],
      [size - 1, size],
      [1, size - 1],
      [middle, middle + 10],
      [0, size],
      [5, 5],
    ] as const) {
      const range = { start, end }
      const part = bytes.subarray(start, end)
      expect((await collect(await staging.read(id, size, { range }))).equals(part)).toBe(true)
      expect((await staging.readBuffer(id, size, { range })).equals(part)).toBe(true)
      expect((await staging.readBuffer(id, size, { range, verify: true })).equals(part)).toBe(true)
      expect((await collect(source!.read(range))).equals(part)).toBe(true)
    }
    expect((await collect(source!.read())).equals(bytes)).toBe(true)
    expect((await collect(source!.read())).equals(bytes)).toBe(true)
  })

  it.each([
    ["flip", SMALL],
    ["flip", MIDDLE],
    ["flip", LARGE],
    ["truncate", SMALL],
    ["truncate", LARGE],
  ] as const)("never gives damaged content as good (%s, %d bytes)", async (kind, size) => {
    const { staging, put, damage } = await open()
    const { id } = await put(inMemory(bytesOf(size)))
    await damage(id, kind)
    const corrupt = { code: "CORRUPT" }
    await expect(staging.readBuffer(id, size)).rejects.toMatchObject(corrupt)
    await expect(staging.read(id, size).then(collect)).rejects.toMatchObject(corrupt)
    const range = { start: 0, end: 10 }
    await expect(staging.readBuffer(id, size, { range, verify: true })).rejects.toMatchObject(corrupt)
    await expect(staging.read(id, size, { range, verify: true }).then(collect)).rejects.toMatchObject(corrupt)
    if (kind === "flip") expect(await staging.readBuffer(id, size, { verify: false })).toHaveLength(size)
    if (kind === "truncate") expect(await staging.source(id, size)).toBeNull()
  })

  it("says what is not there", async () => {
    const { staging } = await open()
    const id = idOf(bytesOf(3))
    await expect(staging.read(id, 3)).rejects.toMatchObject({ code: "NOT_FOUND" })
    await expect(staging.readBuffer(id, 3)).rejects.toMatchObject({ code: "NOT_FOUND" })
    expect(await staging.source(id, 3)).toBeNull()
    expect(await staging.check(id, 3)).toBe("missing")
    expect(await staging.remove(id)).toBe(true)
    expect(await staging.discard(id)).toBe(false)
    await staging.quarantine(id)
  })

  it("an abort ends it", async () => {
    const { staging, put } = await open()
    const { id } = await put(inMemory(bytesOf(LARGE)))
    const aborted = { signal: AbortSignal.abort() }
    await expect(staging.read(id, LARGE, aborted)).rejects.toMatchObject({ code: "ABORTED" })
    await expect(staging.readBuffer(id, LARGE, aborted)).rejects.toMatchObject({ code: "ABORTED" })
    await expect(staging.check(id, LARGE, aborted)).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("goes on after its content was removed", async () => {
    const { staging, put } = await open()
    const bytes = bytesOf(LARGE)
    const { id } = await put(inMemory(bytes))
    const stream = await staging.read(id, LARGE)
    expect(await staging.discard(id)).toBe(true)
    expect((await collect(stream)).equals(bytes)).toBe(true)
  })

  it("counts what it is told", async () => {
    const { staging, put } = await open({ maxSize: 5000 })
    await put(inMemory(bytesOf(10)), true)
    await put(inMemory(bytesOf(20)))
    staging.countHit()
    staging.countHit()
    staging.countMiss()
    expect(staging.stats()).toEqual({ size: 30, entries: 2, hits: 2, misses: 1, pinned: 10, maxSize: 5000 })
  })
}
