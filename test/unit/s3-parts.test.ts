/** The arithmetic of parts and ETags, the room for parts, and the reader that cuts a source into them. */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { describe, expect, it, onTestFinished } from "vitest"
import { bareEtag, composedEtag, partsOf, toBase64 } from "../../src/backends/s3/etag.ts"
import { PartRoom } from "../../src/backends/s3/part-room.ts"
import { openPieces } from "../../src/backends/s3/pieces.ts"
import { partSizeFor } from "../../src/backends/s3/put-parts.ts"
import { bytes, pattern, streamed } from "../contract/backend/harness.ts"

const MIB = 2 ** 20

describe("ETags", () => {
  it("of parts are what AWS documents: the MD5 of the binary MD5s, and their number", () => {
    // Two parts, `a` and `b`, computed by hand: md5(0cc175b9c0f1b6a831c399e269772661 92eb5ffee6ae2fec3ad71c777531578f).
    const md5s = ["a", "b"].map((text) => createHash("md5").update(text).digest("hex"))
    expect(md5s).toEqual(["0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f"])
    const whole = createHash("md5")
      .update(Buffer.from(md5s.join(""), "hex"))
      .digest("hex")
    expect(composedEtag(md5s)).toBe(`${whole}-2`)
  })

  it("tell their parts, and lose their quotes", () => {
    expect(partsOf("0cc175b9c0f1b6a831c399e269772661-12")).toBe(12)
    for (const none of ["0cc175b9c0f1b6a831c399e269772661", "x-2", "0cc175b9c0f1b6a831c399e269772661-0", ""]) {
      expect(partsOf(none), none).toBeNull()
    }
    expect([bareEtag('"abc"'), bareEtag("abc"), bareEtag(undefined)]).toEqual(["abc", "abc", undefined])
    expect(toBase64("d41d8cd98f00b204e9800998ecf8427e")).toBe("1B2M2Y8AsgTpgAmY7PhCfg==")
  })
})

describe("the size of parts", () => {
  it("is the one that was set until there would be more than 10,000, and then a whole number of MiB", () => {
    expect(partSizeFor(1, 8 * MIB)).toBe(8 * MIB)
    expect(partSizeFor(80_000 * MIB, 8 * MIB)).toBe(8 * MIB)
    expect(partSizeFor(80_000 * MIB + 1, 8 * MIB)).toBe(9 * MIB)
    expect(partSizeFor(5 * 2 ** 40, 8 * MIB)).toBe(525 * MIB)
    expect(partSizeFor(undefined, 8 * MIB)).toBe(8 * MIB)
  })

  it("never makes more than 10,000 parts", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 * 2 ** 40 }), fc.integer({ min: 5, max: 5000 }), (size, mib) => {
        return Math.ceil(size / partSizeFor(size, mib * MIB)) <= 10_000
      }),
    )
  })
})

describe("room for parts", () => {
  it("lets in what fits, in order, and something too large alone", async () => {
    const room = new PartRoom(10, 8)
    const entered: string[] = []
    const enter = async (name: string, size: number) => {
      const seat = await room.enter(size, undefined)
      entered.push(name)
      return seat
    }
    const first = await enter("a", 6)
    const waiting = [enter("large", 20), enter("small", 1)]
    await new Promise((next) => setImmediate(next))
    expect(entered).toEqual(["a"])
    first.leave()
    const large = await waiting[0]
    await new Promise((next) => setImmediate(next))
    expect(entered).toEqual(["a", "large"])
    large?.leave()
    await waiting[1]
    expect(room.used).toBe(1)
  })

  it("gives up waiting with the signal, and lets in who waits behind", async () => {
    const room = new PartRoom(10, 8)
    const seat = await room.enter(10, undefined)
    const control = new AbortController()
    const first = room.enter(10, control.signal)
    const second = room.enter(1, undefined)
    control.abort()
    await expect(first).rejects.toMatchObject({ code: "ABORTED" })
    seat.leave()
    await second
    expect(room.used).toBe(1)
    await expect(room.enter(1, control.signal)).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("gives memory that was left to the next, and never to two at a time", async () => {
    const room = new PartRoom(3000, 1000)
    const [stays, goes] = [await room.enter(1000, undefined), await room.enter(1000, undefined)]
    const [kept, left] = [stays.memory(1000), goes.memory(700)]
    expect(left.length).toBe(700)
    expect(goes.memory(1000).buffer, "asked for twice").toBe(left.buffer)
    goes.leave()
    const next = (await room.enter(1000, undefined)).memory(1000)
    expect(next.buffer).toBe(left.buffer)
    expect(kept.buffer).not.toBe(left.buffer)
    expect((await room.enter(1000, undefined)).memory(1000).buffer, "while both are in use").not.toBe(next.buffer)
  })

  it("has blocks for parts only: what is larger or much smaller gets memory of its own", async () => {
    const room = new PartRoom(30_000, 1000)
    await room.enter(1, undefined)
    for (const size of [1001, 10]) {
      const seat = await room.enter(size, undefined)
      const memory = seat.memory(size)
      expect(memory.buffer.byteLength).toBe(size)
      seat.leave()
      expect((await room.enter(size, undefined)).memory(size).buffer).not.toBe(memory.buffer)
    }
  })

  it("keeps one block when nothing is under way", async () => {
    const room = new PartRoom(3000, 1000)
    const seats = [await room.enter(1000, undefined), await room.enter(1000, undefined)]
    const blocks = seats.map((seat) => seat.memory(1000).buffer)
    for (const seat of seats) seat.leave()
    const again = [await room.enter(1000, undefined), await room.enter(1000, undefined)]
    expect(again.map((seat) => blocks.includes(seat.memory(1000).buffer))).toEqual([true, false])
  })

  it("has blocks that begin at a page", async () => {
    const memory = (await new PartRoom(MIB, 10_000).enter(10_000, undefined)).memory(10_000)
    expect([memory.byteOffset % 4096, memory.buffer.byteLength % 65_536]).toEqual([0, 0])
  })
})

describe("pieces", () => {
  it.each([
    ["a stream", async (content: Buffer) => streamed(content, content.length)],
    ["a stream of unknown size", async (content: Buffer) => streamed(content)],
    ["bytes", async (content: Buffer) => bytes(content)],
    ["a file", async (content: Buffer) => fileSource(content)],
  ])("of %s are of exactly the size asked for, and each byte is told of once, in order", async (_form, make) => {
    for (const size of [0, 1, 1_500_000, 3_000_000, 5_300_000]) {
      const content = pattern(size)
      const seen = createHash("sha1")
      const pieces = await openPieces(await make(content), undefined, (chunk) => void seen.update(chunk))
      const read: Buffer[] = []
      while (!(await pieces.isAtEnd())) read.push(Buffer.from(await pieces.read(1_500_000, Buffer.alloc)))
      expect(read.slice(0, -1).every((piece) => piece.length === 1_500_000)).toBe(true)
      expect(Buffer.concat(read).equals(content)).toBe(true)
      expect(seen.digest("hex")).toBe(createHash("sha1").update(content).digest("hex"))
      await pieces.close()
    }
  })

  it("of bytes that are in memory already are not copied", async () => {
    const content = pattern(100)
    const pieces = await openPieces(bytes(content), undefined, () => {})
    expect((await pieces.read(60, Buffer.alloc)).buffer).toBe(content.buffer)
  })

  it("of a file are right wherever the memory begins, and wherever the pieces do", async () => {
    const content = pattern(5 * MIB + 17)
    const room = new PartRoom(100 * MIB, 2 * MIB)
    for (const size of [2 * MIB, 2 * MIB - 5]) {
      for (const memory of [
        (await room.enter(size, undefined)).memory,
        (bytes: number) => Buffer.alloc(bytes + 3).subarray(3),
      ]) {
        const pieces = await openPieces({ ...(await fileSource(content)), read: unread }, undefined, () => {})
        const read: Buffer[] = []
        while (!(await pieces.isAtEnd())) read.push(Buffer.from(await pieces.read(size, memory)))
        expect(Buffer.concat(read).equals(content)).toBe(true)
        await pieces.close()
      }
    }
  })

  it("of a file lie in the memory that was given for them, and its stream is not asked", async () => {
    const source = await fileSource(pattern(3_000_000))
    const pieces = await openPieces({ ...source, read: unread }, undefined, () => {})
    onTestFinished(() => pieces.close())
    const memory = Buffer.alloc(2_000_000)
    expect((await pieces.read(2_000_000, () => memory)).buffer).toBe(memory.buffer)
    expect(memory.equals(pattern(3_000_000).subarray(0, 2_000_000))).toBe(true)
    expect((await pieces.read(2_000_000, () => memory)).byteLength).toBe(1_000_000)
  })

  it("tell of a source that has not the size it declared, at the latest at its end", async () => {
    const pieces = await openPieces(streamed(pattern(10), 11), undefined, () => {})
    await pieces.read(5, Buffer.alloc)
    await expect(pieces.read(10, Buffer.alloc)).rejects.toMatchObject({ code: "SIZE_MISMATCH" })
  })

  it("leave it to the source to say what is wrong with a file that is not there or of another size", async () => {
    const source = await fileSource(pattern(10))
    const longer = await openPieces({ ...source, size: 11 }, undefined, () => {})
    await expect(longer.read(11, Buffer.alloc)).rejects.toMatchObject({ code: "SIZE_MISMATCH" })
    await rm(source.path)
    const absent = await openPieces(source, undefined, () => {})
    await expect(absent.read(10, Buffer.alloc)).rejects.toMatchObject({ code: "SOURCE_FAILED", retryable: true })
  })

  it("of a file that is cut while it is read, or of an aborted one, are errors and no bytes", async () => {
    const source = await fileSource(pattern(3_000_000))
    const control = new AbortController()
    const pieces = await openPieces(source, control.signal, () => {})
    onTestFinished(() => pieces.close())
    await pieces.read(100, Buffer.alloc)
    await truncate(source.path, 1_000_000)
    await expect(pieces.read(2_000_000, Buffer.alloc)).rejects.toMatchObject({ code: "SOURCE_FAILED" })
    control.abort()
    await expect(pieces.read(100, Buffer.alloc)).rejects.toMatchObject({ code: "ABORTED" })
  })
})

async function fileSource(content: Buffer) {
  const directory = await mkdtemp(join(tmpdir(), "stored-pieces-"))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, "file")
  await writeFile(path, content)
  return { size: content.length, path, read: () => createReadStream(path) }
}

function unread(): never {
  throw new Error("The stream was asked for.")
}
