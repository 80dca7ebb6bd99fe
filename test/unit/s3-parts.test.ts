/** The arithmetic of parts and ETags, the room for parts, and the reader that cuts a source into them. */
import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bareEtag, composedEtag, partsOf, toBase64 } from "../../src/backends/s3/etag.ts"
import { PartRoom } from "../../src/backends/s3/part-room.ts"
import { PieceReader } from "../../src/backends/s3/piece-reader.ts"
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
    const room = new PartRoom(10)
    const entered: string[] = []
    const enter = (name: string, size: number) => room.enter(size, undefined).then(() => void entered.push(name))
    await enter("a", 6)
    const waiting = [enter("large", 20), enter("small", 1)]
    await new Promise((next) => setImmediate(next))
    expect(entered).toEqual(["a"])
    room.leave(6)
    await waiting[0]
    await new Promise((next) => setImmediate(next))
    expect(entered).toEqual(["a", "large"])
    room.leave(20)
    await waiting[1]
    expect(room.used).toBe(1)
  })

  it("gives up waiting with the signal, and lets in who waits behind", async () => {
    const room = new PartRoom(10)
    await room.enter(10, undefined)
    const control = new AbortController()
    const first = room.enter(10, control.signal)
    const second = room.enter(1, undefined)
    control.abort()
    await expect(first).rejects.toMatchObject({ code: "ABORTED" })
    room.leave(10)
    await second
    expect(room.used).toBe(1)
    await expect(room.enter(1, control.signal)).rejects.toMatchObject({ code: "ABORTED" })
  })
})

describe("PieceReader", () => {
  it.each([
    ["a stream", (content: Buffer) => streamed(content, content.length)],
    ["a stream of unknown size", (content: Buffer) => streamed(content)],
    ["bytes", (content: Buffer) => bytes(content)],
  ])(
    "cuts %s into pieces of exactly the size asked for, and is told of every byte once, in order",
    async (_form, make) => {
      for (const size of [0, 1, 49_999, 50_000, 130_000]) {
        const content = pattern(size)
        const seen = createHash("sha1")
        const reader = new PieceReader(make(content), undefined, (chunk) => void seen.update(chunk))
        const pieces: Buffer[] = []
        while (!(await reader.isAtEnd())) pieces.push(Buffer.from(await reader.read(30_000)))
        expect(pieces.slice(0, -1).every((piece) => piece.length === 30_000)).toBe(true)
        expect(Buffer.concat(pieces).equals(content)).toBe(true)
        expect(seen.digest("hex")).toBe(createHash("sha1").update(content).digest("hex"))
        await reader.close()
      }
    },
  )

  it("does not copy bytes that are in memory already", async () => {
    const content = pattern(100)
    const reader = new PieceReader(bytes(content), undefined, () => {})
    expect((await reader.read(60)).buffer).toBe(content.buffer)
  })

  it("tells of a source that has not the size it declared, at the latest at its end", async () => {
    const reader = new PieceReader(streamed(pattern(10), 11), undefined, () => {})
    await reader.read(5)
    await expect(reader.read(10)).rejects.toMatchObject({ code: "SIZE_MISMATCH" })
  })
})
