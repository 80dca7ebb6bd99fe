/** What comes in: every form and size is taken once, hashed and told of; good content is used again, bad content healed. */
import { Readable } from "node:stream"
import fc from "fast-check"
import { expect, it } from "vitest"
import type { BlobSource } from "../../../src/core/blob-source.ts"
import { bytesOf, collect, hashers, idOf, inMemory, md5, streaming } from "../staging-sources.ts"
import { fileOf, LARGE, MIDDLE, OPTIONS, type OpenStaging, SMALL } from "./harness.ts"

export function receiveCases(open: OpenStaging): void {
  const forms: [string, (bytes: Buffer) => BlobSource | Promise<BlobSource>][] = [
    ["bytes", inMemory],
    ["a stream of known size", (bytes) => streaming(bytes, { sized: true })],
    ["a stream of unknown size", (bytes) => streaming(bytes)],
    ["a stream of tiny chunks", (bytes) => streaming(bytes, { chunk: Math.max(1, Math.ceil(bytes.length / 2000)) })],
    ["a file", fileOf],
  ]
  const sizes = [0, 1, SMALL, 131_072, 131_073, MIDDLE, LARGE]
  const cases = forms.flatMap(([form, source]) => sizes.map((size) => ({ form, source, size })))

  it.each(cases)("$size bytes from $form", async ({ source, size }) => {
    const { staging, put, listed } = await open()
    const bytes = bytesOf(size)
    const received = await put(await source(bytes))
    expect(received).toMatchObject({ id: idOf(bytes), size, reused: false })
    expect(received.checksums).toEqual({ sha256: idOf(bytes).slice(7) })
    expect((await staging.readBuffer(received.id, size)).equals(bytes)).toBe(true)
    expect((await collect(await staging.read(received.id, size))).equals(bytes)).toBe(true)
    expect(await staging.check(received.id, size)).toBe("good")
    expect(await listed()).toEqual([received.id])
  })

  it.each([SMALL, MIDDLE])("makes blake3 ids and side checksums of %d bytes in one pass", async (size) => {
    const { staging, ledger } = await open()
    const bytes = bytesOf(size)
    const expected = { md5: md5(bytes), sha256: idOf(bytes).slice(7) }
    const received = ledger.commit(
      await staging.receive(streaming(bytes), { ...OPTIONS, algorithm: "blake3", expect: expected }),
    )
    const blake3 = hashers.hash("blake3", bytes)
    expect(received.id).toBe(`blake3:${blake3}`)
    expect(received.checksums).toEqual({ blake3, ...expected })
    expect((await staging.readBuffer(received.id, size)).equals(bytes)).toBe(true)
  })

  it("uses good content again", async () => {
    const { put, listed } = await open()
    for (const size of [0, SMALL, MIDDLE, LARGE]) {
      const bytes = bytesOf(size)
      expect((await put(inMemory(bytes))).reused).toBe(false)
      expect((await put(inMemory(bytes))).reused).toBe(true)
      expect((await put(streaming(bytes))).reused).toBe(true)
    }
    expect(await listed()).toHaveLength(4)
  })

  it.each(["flip", "truncate"] as const)("heals content that was damaged (%s)", async (kind) => {
    const { staging, put, damage } = await open()
    for (const size of [1, SMALL, MIDDLE, LARGE]) {
      const bytes = bytesOf(size)
      const { id } = await put(inMemory(bytes))
      await damage(id, kind)
      expect(await staging.check(id, size)).toBe("corrupt")
      expect((await put(streaming(bytes))).reused).toBe(false)
      expect(await staging.check(id, size)).toBe("good")
      expect((await staging.readBuffer(id, size)).equals(bytes)).toBe(true)
    }
  })

  it.each([SMALL, MIDDLE, LARGE])("takes the same %d bytes sixteen times at once, and keeps one copy", async (size) => {
    const { staging, put, listed } = await open()
    const bytes = bytesOf(size)
    const all = await Promise.all(
      Array.from({ length: 16 }, (_, index) => put(index % 2 ? streaming(bytes) : inMemory(bytes))),
    )
    expect(new Set(all.map(({ id }) => id)).size).toBe(1)
    expect(await listed()).toEqual([idOf(bytes)])
    expect(await staging.check(idOf(bytes), size)).toBe("good")
  })

  it("takes many at once", async () => {
    const { staging, put, listed } = await open()
    const all = Array.from({ length: 300 }, (_, index) => bytesOf(index * 7))
    await Promise.all(all.map((bytes) => put(inMemory(bytes))))
    expect(await listed()).toHaveLength(300)
    for (const bytes of all) expect(await staging.check(idOf(bytes), bytes.length)).toBe("good")
  })

  it.each([0, SMALL, MIDDLE, LARGE])("tells the head of %d bytes once", async (size) => {
    const { staging } = await open()
    const bytes = bytesOf(size)
    for (const source of [inMemory(bytes), streaming(bytes, { chunk: 1000 }), await fileOf(bytes)]) {
      const heads: Buffer[] = []
      const received = await staging.receive(source, {
        ...OPTIONS,
        onHead: (head) => heads.push(Buffer.from(head)),
      })
      received.hold.release()
      expect(heads).toHaveLength(1)
      expect(heads[0]!.length).toBeGreaterThanOrEqual(Math.min(size, 4100))
      expect(heads[0]!.equals(bytes.subarray(0, heads[0]!.length))).toBe(true)
    }
  })

  it("takes whatever it is given, in whatever chunks", async () => {
    const { staging, put } = await open()
    const seed = Date.now()
    console.info(`fast-check seed ${seed}`)
    const chunks = fc.array(fc.uint8Array({ maxLength: 70_000 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(chunks, fc.boolean(), async (pieces, sized) => {
        const bytes = Buffer.concat(pieces)
        const source: BlobSource = {
          once: true,
          ...(sized && { size: bytes.length }),
          read: () => Readable.from(pieces.filter((piece) => piece.length > 0)),
        }
        const { id } = await put(source)
        expect(id).toBe(idOf(bytes))
        expect((await staging.readBuffer(id, bytes.length)).equals(bytes)).toBe(true)
      }),
      { seed, numRuns: 60 },
    )
  })
}
