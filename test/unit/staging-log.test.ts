/** The intake log: what it writes, what it shares, what it reads back however it was cut, and when a segment may go. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import type { BlobId } from "../../src/core/blob-id.ts"
import { StoredError } from "../../src/core/error.ts"
import { IntakeLog } from "../../src/staging/intake-log.ts"
import { decodeRecords, encodeRecord, HEADER_BYTES, type LogRecord } from "../../src/staging/log-record.ts"
import { LogRetirement } from "../../src/staging/log-retirement.ts"
import { findSegments, LogSegment } from "../../src/staging/log-segment.ts"
import { bytesOf, idOf } from "../contract/staging-sources.ts"

function record(bytes: Uint8Array, id: BlobId = idOf(bytes)): LogRecord {
  return { id, bytes }
}

/** Content that needs no placing. */
function placed(): void {}

function encode(records: LogRecord[]): Buffer {
  const segment = Buffer.alloc(records.reduce((sum, { bytes }) => sum + HEADER_BYTES + bytes.length, 0))
  let offset = 0
  for (const one of records) offset = encodeRecord(segment, offset, one)
  expect(offset).toBe(segment.length)
  return segment
}

function decode(segment: Buffer): LogRecord[] {
  return [...decodeRecords(segment)].map(({ id, bytes }) => ({ id, bytes: Buffer.from(bytes) }))
}

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "stored-log-"))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  return path
}

describe("records", () => {
  it("come back as they were written", () => {
    const seed = Date.now()
    console.info(`fast-check seed ${seed}`)
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (contents) => {
        const records = contents.map((bytes, index) => {
          const id = idOf(bytes)
          return { id: index % 2 ? (id.replace("sha256", "blake3") as BlobId) : id, bytes: Buffer.from(bytes) }
        })
        expect(decode(encode(records))).toEqual(records)
      }),
      { seed },
    )
  })

  it("before a cut come back whole, wherever in the last record the log is cut", () => {
    const records = [record(bytesOf(100)), record(bytesOf(0)), record(bytesOf(200))]
    const segment = encode(records)
    const last = segment.length - HEADER_BYTES - 200
    for (let end = last; end < segment.length; end += 1) {
      expect(decode(segment.subarray(0, end))).toEqual(records.slice(0, 2))
    }
  })

  it("before garbage come back whole, whatever the tail holds", () => {
    const records = [record(bytesOf(100)), record(bytesOf(50))]
    const segment = encode(records)
    for (const tail of [
      Buffer.alloc(5000),
      bytesOf(5000),
      encode([record(bytesOf(10))]).subarray(0, 40),
      Buffer.from("StLg"),
    ]) {
      expect(decode(Buffer.concat([segment, tail]))).toEqual(records)
    }
  })

  it("around a damaged one come back; the damaged one never does", () => {
    const records = [record(bytesOf(30)), record(bytesOf(40)), record(bytesOf(50))]
    const segment = encode(records)
    const start = HEADER_BYTES + 30
    for (let position = start; position < start + HEADER_BYTES + 40; position += 1) {
      const damaged = Buffer.from(segment)
      damaged[position]! ^= 0x20
      expect(decode(damaged)).toEqual([records[0], records[2]])
    }
  })
})

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

describe("retirement", () => {
  async function segments(count: number) {
    const path = await directory()
    return Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const file = join(path, `${index}.log`)
        await writeFile(file, "")
        return { path: file, ids: [idOf(bytesOf(8)), idOf(bytesOf(8))], length: 1000 }
      }),
    )
  }

  it("keeps a segment whose content cannot be synced, tells of it, and does not try again", async () => {
    const [bad, good] = await segments(2)
    const troubled = Promise.withResolvers<StoredError>()
    const done = Promise.withResolvers<void>()
    let tries = 0
    const syncBytes = async (id: BlobId): Promise<boolean> => {
      if (!bad!.ids.includes(id)) return true
      tries += 1
      throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" })
    }
    const syncNames = async (): Promise<void> => void done.resolve()
    const retirement = new LogRetirement({ files: { syncBytes, syncNames }, onTrouble: troubled.resolve })
    retirement.add(bad!, { rested: true })
    retirement.add(good!, { rested: true })
    expect((await troubled.promise).message).toContain("EIO")
    await done.promise
    await retirement.retireAll()
    expect(await readFile(bad!.path, "utf8")).toBe("")
    await expect(readFile(good!.path)).rejects.toMatchObject({ code: "ENOENT" })
    expect(tries).toBeLessThanOrEqual(2)
  })

  it("stops half way without having let anything go", async () => {
    const all = await segments(3)
    const reached = Promise.withResolvers<void>()
    const going = Promise.withResolvers<void>()
    const syncBytes = async (): Promise<boolean> => {
      reached.resolve()
      await going.promise
      return true
    }
    const failures: StoredError[] = []
    const retirement = new LogRetirement({
      files: { syncBytes, syncNames: async () => {} },
      onTrouble: (error) => void failures.push(error),
    })
    for (const segment of all) retirement.add(segment, { rested: true })
    await reached.promise
    const closed = retirement.close()
    going.resolve()
    await closed
    expect(failures).toEqual([])
    for (const { path } of all) expect(await readFile(path, "utf8")).toBe("")
  })

  it("does not let segments rest once the log has grown large", async () => {
    const all = await segments(3)
    const going = Promise.withResolvers<void>()
    let names = 0
    const syncNames = async (): Promise<void> => {
      names += 1
      if (names === 2) going.resolve()
    }
    const retirement = new LogRetirement({
      files: { syncBytes: async () => true, syncNames },
      onTrouble: (error) => going.reject(error),
      rest: 1e9,
      maxBytes: 1500,
    })
    for (const segment of all) retirement.add(segment)
    await going.promise
    await retirement.close()
    await expect(readFile(all[0]!.path)).rejects.toMatchObject({ code: "ENOENT" })
    expect(await readFile(all[2]!.path, "utf8")).toBe("")
  })
})
