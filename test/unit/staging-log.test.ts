/** The intake log: what it writes, what it shares, and when its segments are full. */
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import type { BlobId } from "../../src/core/blob-id.ts"
import { StoredError } from "../../src/core/error.ts"
import { IntakeLog } from "../../src/staging/intake-log.ts"
import type { LogRecord } from "../../src/staging/log-record.ts"
import { LogRetirement } from "../../src/staging/log-retirement.ts"
import { findSegments, LogSegment } from "../../src/staging/log-segment.ts"
import { bytesOf } from "../contract/staging-sources.ts"
import { decode, directory, placed, record } from "./staging-log-rows.ts"

describe("the log", () => {
  async function openLog(settings: { maxSegmentBytes?: number; sealAfter?: number } = {}) {
    const path = await directory()
    const synced: BlobId[] = []
    const troubles: StoredError[] = []
    const onTrouble = (error: StoredError): void => void troubles.push(error)
    const files = { syncBytes: async (id: BlobId) => Boolean(synced.push(id)), syncNames: async () => {} }
    const retirement = new LogRetirement({ files, onTrouble, rest: 1e9 })
    const log = new IntakeLog({ directory: path, retirement, firstSegment: 1, onTrouble, ...settings })
    onTestFinished(async () => {
      await log.close()
      await retirement.close()
    })
    const records = async (): Promise<LogRecord[]> => {
      const segments = await findSegments(path)
      return (await Promise.all(segments.map((segment) => readFile(segment.path)))).flatMap(decode)
    }
    return { path, log, retirement, synced, troubles, records }
  }

  it("has a record when its append has resolved, in the order of the appends", async () => {
    const { log, records } = await openLog()
    const all = Array.from({ length: 500 }, (_, index) => record(bytesOf(index)))
    await log.append(all[0]!.id, all[0]!.bytes, placed)
    expect(await records()).toEqual([all[0]])
    await Promise.all(all.slice(1).map(({ id, bytes }) => log.append(id, bytes, placed)))
    expect(await records()).toEqual(all)
  })

  it("begins a new segment when one is full, and never splits a record", async () => {
    const { log, path, records } = await openLog({ maxSegmentBytes: 8192 })
    const all = Array.from({ length: 10 }, () => record(bytesOf(400)))
    for (const { id, bytes } of all) await log.append(id, bytes, placed)
    expect(await readdir(path)).toEqual(["01", "02", "03", "04", "05"].map((number) => `00000000${number}.log`))
    expect(await records()).toEqual(all)
    const large = record(bytesOf(5000))
    await log.append(large.id, large.bytes, placed)
    expect((await records()).at(-1)).toEqual(large)
  })

  it("lets its segments go only after their content is durable", async () => {
    const { log, path, retirement, synced } = await openLog({ maxSegmentBytes: 8192 })
    const all = Array.from({ length: 6 }, () => record(bytesOf(400)))
    for (const { id, bytes } of all) await log.append(id, bytes, placed)
    expect(synced).toEqual([])
    await log.seal()
    expect(retirement.records).toBe(6)
    await retirement.retireAll()
    expect(new Set(synced)).toEqual(new Set(all.map(({ id }) => id)))
    expect(await readdir(path)).toEqual([])
    await log.append(all[0]!.id, all[0]!.bytes, placed)
    expect(await readdir(path)).toEqual(["0000000004.log"])
  })

  it("seals by itself what lies long enough", async () => {
    const { log, retirement } = await openLog({ sealAfter: 1 })
    const sealed = Promise.withResolvers<void>()
    const add = retirement.add.bind(retirement)
    retirement.add = (...segment) => {
      add(...segment)
      sealed.resolve()
    }
    const { id, bytes } = record(bytesOf(10))
    await log.append(id, bytes, placed)
    await sealed.promise
    expect(retirement.records).toBe(1)
  })

  it("refuses appends after the close, and has all before it", async () => {
    const { log, records } = await openLog()
    const { id, bytes } = record(bytesOf(10))
    const before = log.append(id, bytes, placed)
    const closing = log.close()
    await expect(log.append(id, bytes, placed)).rejects.toMatchObject({ code: "CLOSED" })
    await before
    await closing
    expect(await records()).toEqual([{ id, bytes }])
  })

  it("places content before an append resolves, while the disk writes the log", async () => {
    const { log } = await openLog()
    const order: string[] = []
    const append = LogSegment.prototype.append
    const writing = vi.spyOn(LogSegment.prototype, "append").mockImplementation(async function (
      this: LogSegment,
      ...args
    ) {
      order.push("write begins")
      await append.apply(this, args)
      order.push("written")
    })
    onTestFinished(() => writing.mockRestore())
    const { id, bytes } = record(bytesOf(10))
    await log.append(id, bytes, () => void order.push("placed"))
    expect(order).toEqual(["write begins", "placed", "written"])
  })

  it("tells whose content could not be placed, and keeps the segment for the others alone", async () => {
    const { log, retirement, synced } = await openLog()
    const all = [record(bytesOf(10)), record(bytesOf(20)), record(bytesOf(30))]
    const appends = all.map(({ id, bytes }, index) =>
      log.append(id, bytes, () => {
        if (index === 1) throw new StoredError("DISK_FULL", "The disk is full.")
      }),
    )
    expect((await Promise.allSettled(appends)).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
    ])
    await expect(appends[1]).rejects.toMatchObject({ code: "DISK_FULL" })
    await log.seal()
    await retirement.retireAll()
    expect(synced).toEqual([all[0]!.id, all[2]!.id])
  })

  it("never appends behind a flush that failed", async () => {
    const { log, path, records } = await openLog()
    const [first, second, third] = [10, 20, 30].map((size) => record(bytesOf(size)))
    await log.append(first!.id, first!.bytes, placed)
    const failing = vi.spyOn(LogSegment.prototype, "append").mockRejectedValueOnce(new Error("EIO: i/o error"))
    onTestFinished(() => failing.mockRestore())
    await expect(log.append(second!.id, second!.bytes, placed)).rejects.toMatchObject({ code: "INTERNAL" })
    await log.append(third!.id, third!.bytes, placed)
    expect(await readdir(path)).toEqual(["0000000001.log", "0000000002.log"])
    expect(await records()).toEqual([first, third])
  })

  it("fails every append of a batch that could not be written, and goes on in a new segment", async () => {
    const { log, path, records } = await openLog()
    await writeFile(join(path, "0000000001.log"), "somebody else's")
    const failed = [record(bytesOf(10)), record(bytesOf(20))].map(({ id, bytes }) => log.append(id, bytes, placed))
    for (const append of failed) await expect(append).rejects.toMatchObject({ code: "INTERNAL" })
    const { id, bytes } = record(bytesOf(30))
    await log.append(id, bytes, placed)
    expect(await records()).toEqual([{ id, bytes }])
  })
})
