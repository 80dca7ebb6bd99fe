/**
 * The suite of the staging contract. An implementation joins with a function that opens it; what it needs of its own (files, logs, disks) is tested
 * beside it, not here.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Readable } from "node:stream"
import fc from "fast-check"
import { describe, expect, it, onTestFinished } from "vitest"
import type { BlobId } from "../../src/core/blob-id.ts"
import type { BlobSource } from "../../src/core/blob-source.ts"
import type { Received, ReceiveOptions, Staging } from "../../src/staging/staging.ts"
import { TestLedger } from "./staging-ledger.ts"
import { bytesOf, collect, hashers, idOf, inMemory, live, md5, streaming } from "./staging-sources.ts"

export interface StagingUnderTest {
  staging: Staging
  /** changes staged bytes behind its back */
  damage(id: BlobId, kind: "flip" | "truncate"): Promise<void>
}

export interface StagingSettings {
  maxSize: number | null
  evict: boolean
  ledger: TestLedger
}

const OPTIONS: ReceiveOptions = { algorithm: "sha256", durable: true }
const SMALL = 1000
const MIDDLE = 200_000
const LARGE = 3 * 2 ** 20 + 7

export function stagingSuite(name: string, make: (settings: StagingSettings) => Promise<StagingUnderTest>): void {
  async function open(settings: Partial<Omit<StagingSettings, "ledger">> = {}) {
    const ledger = new TestLedger()
    const made = await make({ maxSize: null, evict: true, ...settings, ledger })
    onTestFinished(() => made.staging.close())
    const { staging } = made
    const put = async (source: BlobSource, pinned = false): Promise<Received> =>
      ledger.commit(await staging.receive(source, OPTIONS), { pinned })
    return { ...made, ledger, put, listed: () => listed(staging) }
  }

  async function listed(staging: Staging): Promise<BlobId[]> {
    const ids: BlobId[] = []
    for await (const { id } of staging.list()) ids.push(id)
    return ids.toSorted()
  }

  async function fileOf(bytes: Uint8Array): Promise<BlobSource> {
    const directory = await mkdtemp(join(tmpdir(), "stored-staging-source-"))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const path = join(directory, "file")
    await writeFile(path, bytes)
    return { size: bytes.length, path, read: () => Readable.from([bytes], { objectMode: false }) }
  }

  describe(`${name}: receive`, () => {
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

    it.each([SMALL, MIDDLE, LARGE])(
      "takes the same %d bytes sixteen times at once, and keeps one copy",
      async (size) => {
        const { staging, put, listed } = await open()
        const bytes = bytesOf(size)
        const all = await Promise.all(
          Array.from({ length: 16 }, (_, index) => put(index % 2 ? streaming(bytes) : inMemory(bytes))),
        )
        expect(new Set(all.map(({ id }) => id)).size).toBe(1)
        expect(await listed()).toEqual([idOf(bytes)])
        expect(await staging.check(idOf(bytes), size)).toBe("good")
      },
    )

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
  })

  describe(`${name}: a receive that fails leaves nothing`, () => {
    async function fails(
      source: BlobSource,
      options: Partial<ReceiveOptions>,
      code: string,
      settings: Partial<StagingSettings> = {},
    ): Promise<Error> {
      const { staging, listed } = await open(settings)
      const error: unknown = await staging
        .receive(source, { ...OPTIONS, ...options })
        .catch((failure: unknown) => failure)
      expect(error).toMatchObject({ code })
      expect(await listed()).toEqual([])
      return error as Error
    }

    it.each([SMALL, MIDDLE, LARGE])("a wrong declared checksum of %d bytes", async (size) => {
      const bytes = bytesOf(size)
      for (const source of [inMemory(bytes), streaming(bytes), await fileOf(bytes)]) {
        await fails(source, { expect: { md5: "0".repeat(32) } }, "CHECKSUM_MISMATCH")
        await fails(source, { expect: { sha256: "0".repeat(64) } }, "CHECKSUM_MISMATCH")
      }
    })

    it.each([
      [SMALL, SMALL + 1],
      [SMALL, SMALL - 1],
      [MIDDLE, MIDDLE + 1],
      [MIDDLE, MIDDLE - 1],
      [0, 1],
      [1, 0],
      [LARGE, SMALL],
      [SMALL, LARGE],
    ])("%d bytes where %d were declared", async (size, declared) => {
      const { source, stream } = live(declared)
      if (size > 0) stream.push(bytesOf(size))
      stream.push(null)
      await fails(source, {}, "SIZE_MISMATCH")
      expect(stream.destroyed).toBe(true)
    })

    it.each([SMALL, MIDDLE])("more than the allowed %d bytes", async (limit) => {
      const bytes = bytesOf(limit + 1)
      for (const source of [
        inMemory(bytes),
        streaming(bytes),
        streaming(bytes, { sized: true }),
        await fileOf(bytes),
      ]) {
        await fails(source, { maxBytes: limit }, "TOO_LARGE")
      }
      const { staging } = await open()
      const exact = await staging.receive(streaming(bytes.subarray(1)), { ...OPTIONS, maxBytes: limit })
      expect(exact.size).toBe(limit)
      exact.hold.release()
    })

    it.each([0, SMALL, MIDDLE, LARGE])("a source that breaks after %d bytes", async (size) => {
      const cause = new Error("the cable was pulled")
      const { source, stream } = live(undefined, () => stream.destroy(cause))
      if (size > 0) stream.push(bytesOf(size))
      const error = await fails(source, {}, "SOURCE_FAILED")
      expect(error.cause).toBe(cause)
      expect(error.message).toContain("the cable was pulled")
    })

    it.each([0, SMALL, MIDDLE])("a source that closes without an end after %d bytes", async (size) => {
      const { source, stream } = live(undefined, () => stream.destroy())
      if (size > 0) stream.push(bytesOf(size))
      await fails(source, {}, "SOURCE_FAILED")
    })

    it.each([0, SMALL, MIDDLE])("an abort while the source says nothing more after %d bytes", async (size) => {
      const ending = new AbortController()
      const { source, stream } = live(undefined, () => ending.abort())
      if (size > 0) stream.push(bytesOf(size))
      await fails(source, { signal: ending.signal }, "ABORTED")
      expect(stream.destroyed).toBe(true)
    })

    it("an abort before it began ends the source", async () => {
      const { source, stream } = live()
      await fails(source, { signal: AbortSignal.abort() }, "ABORTED")
      expect(stream.destroyed).toBe(true)
    })

    it("a declared size that is too large ends the source before it is read", async () => {
      const { source, stream } = live(SMALL)
      await fails(source, { maxBytes: 10 }, "TOO_LARGE")
      expect(stream.destroyed).toBe(true)
    })

    it("content beyond the whole limit is refused for good", async () => {
      for (const source of [
        inMemory(bytesOf(SMALL)),
        streaming(bytesOf(MIDDLE)),
        streaming(bytesOf(MIDDLE), { sized: true }),
      ]) {
        const error = await fails(source, {}, "QUOTA_EXCEEDED", { maxSize: 999 })
        expect(error).toMatchObject({ retryable: false, details: { limit: 999 } })
      }
    })
  })

  describe(`${name}: read`, () => {
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
  })

  describe(`${name}: holds and removal`, () => {
    it("keeps what was received until its hold is released", async () => {
      const { staging } = await open()
      for (const size of [SMALL, MIDDLE]) {
        const { id, hold } = await staging.receive(inMemory(bytesOf(size)), OPTIONS)
        expect(await staging.remove(id)).toBe(false)
        expect(await staging.check(id, size)).toBe("good")
        hold.release()
        hold.release()
        expect(await staging.remove(id)).toBe(true)
        expect(await staging.check(id, size)).toBe("missing")
      }
    })

    it("needs every hold released", async () => {
      const { staging, put } = await open()
      const { id } = await put(inMemory(bytesOf(SMALL)))
      const holds = [staging.hold(id), staging.hold(id)]
      holds[0]!.release()
      holds[0]!.release()
      expect(await staging.remove(id)).toBe(false)
      expect(await staging.discard(id)).toBe(false)
      holds[1]!.release()
      expect(await staging.discard(id)).toBe(true)
    })

    it("discards only what the ledger lets go, the row before the bytes", async () => {
      const { staging, put, ledger } = await open()
      const pinned = await put(inMemory(bytesOf(SMALL)), true)
      const free = await put(inMemory(bytesOf(SMALL)))
      expect(await staging.discard(pinned.id)).toBe(false)
      ledger.beforeEvict = async (id) => expect(await staging.check(id, SMALL)).toBe("good")
      expect(await staging.discard(free.id)).toBe(true)
      expect(ledger.rows.has(free.id)).toBe(false)
      expect(await staging.check(free.id, SMALL)).toBe("missing")
      expect(await staging.check(pinned.id, SMALL)).toBe("good")
    })

    it("a receive waits for the removal of the same content, and then it is there", async () => {
      const { staging, put, ledger } = await open()
      for (const size of [SMALL, MIDDLE]) {
        const bytes = bytesOf(size)
        const { id } = await put(inMemory(bytes))
        const evicting = Promise.withResolvers<void>()
        const reached = Promise.withResolvers<void>()
        ledger.beforeEvict = () => {
          reached.resolve()
          return evicting.promise
        }
        const discarded = staging.discard(id)
        await reached.promise
        const again = put(inMemory(bytes))
        evicting.resolve()
        expect(await discarded).toBe(true)
        expect((await again).reused).toBe(false)
        expect(await staging.check(id, size)).toBe("good")
      }
    })

    it("a hold that comes while the ledger decides keeps the bytes as long as it lasts", async () => {
      const { staging, put, ledger } = await open()
      const { id } = await put(inMemory(bytesOf(SMALL)))
      const held: { release(): void }[] = []
      ledger.beforeEvict = () => void held.push(staging.hold(id))
      expect(await staging.discard(id)).toBe(true)
      expect(await staging.check(id, SMALL)).toBe("good")
      held[0]!.release()
      // It goes by itself; if it does not, this waits until the test's time is up.
      while ((await staging.check(id, SMALL)) !== "missing");
    })

    it("puts bad content aside, and never good", async () => {
      const { staging, put, damage } = await open()
      for (const size of [SMALL, LARGE]) {
        const bytes = bytesOf(size)
        const { id } = await put(inMemory(bytes))
        await staging.quarantine(id)
        expect(await staging.check(id, size)).toBe("good")
        await damage(id, "flip")
        await staging.quarantine(id)
        expect(await staging.check(id, size)).toBe("missing")
        expect((await put(inMemory(bytes))).reused).toBe(false)
        expect(await staging.check(id, size)).toBe("good")
      }
    })
  })

  describe(`${name}: room`, () => {
    it("drops what was used least recently", async () => {
      const { put, listed } = await open({ maxSize: 3500 })
      const first = await put(inMemory(bytesOf(1000)))
      const second = await put(inMemory(bytesOf(1000)))
      const third = await put(inMemory(bytesOf(1000)))
      const fourth = await put(streaming(bytesOf(1000)))
      expect(await listed()).toEqual([second.id, third.id, fourth.id].toSorted())
      expect(await listed()).not.toContain(first.id)
    })

    it("refuses when it is full of bytes that no backend has, and says how many", async () => {
      const { staging, put } = await open({ maxSize: 3500 })
      const all = [await put(inMemory(bytesOf(2000)), true), await put(inMemory(bytesOf(1000)), true)]
      for (const source of [inMemory(bytesOf(501)), streaming(bytesOf(501))]) {
        const error: unknown = await staging.receive(source, OPTIONS).catch((failure: unknown) => failure)
        expect(error).toMatchObject({
          code: "QUOTA_EXCEEDED",
          retryable: true,
          details: { limit: 3500, used: 3000, pinned: 3000, needed: 501 },
        })
        expect((error as Error).message).toBe(
          "Staging is full: 2.9 KiB of its 3.4 KiB are used and 501 bytes more are asked for; 2.9 KiB of that wait for backends that have no copy yet; see to the backends, or raise cache.maxSize.",
        )
      }
      await put(inMemory(bytesOf(500)))
      for (const { id, size } of all) expect(await staging.check(id, size)).toBe("good")
    })

    it("takes content that is there already even when it is full", async () => {
      const { put } = await open({ maxSize: 1000 })
      const bytes = bytesOf(1000)
      await put(inMemory(bytes), true)
      expect((await put(inMemory(bytes), true)).reused).toBe(true)
    })

    it("drops nothing by itself where that is not allowed", async () => {
      const { staging, put } = await open({ maxSize: 1000, evict: false })
      const { id } = await put(inMemory(bytesOf(900)))
      await expect(staging.receive(inMemory(bytesOf(200)), OPTIONS)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" })
      expect(await staging.check(id, 900)).toBe("good")
      expect(await staging.evict("oldest")).toEqual({ evicted: 1, bytes: 900 })
    })

    it("counts what is under way", async () => {
      const { staging, ledger } = await open({ maxSize: 1000 })
      const first = await staging.receive(inMemory(bytesOf(600)), OPTIONS)
      await expect(staging.receive(inMemory(bytesOf(600)), OPTIONS)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" })
      ledger.commit(first)
      ledger.commit(await staging.receive(inMemory(bytesOf(600)), OPTIONS))
      expect(ledger.usage().bytes).toBe(600)
    })

    it("gives the room of a failed receive back", async () => {
      const { staging, put } = await open({ maxSize: 300_000 })
      for (let round = 0; round < 5; round += 1) {
        const wrong = { ...OPTIONS, expect: { md5: "0".repeat(32) } }
        await expect(staging.receive(streaming(bytesOf(MIDDLE)), wrong)).rejects.toMatchObject({
          code: "CHECKSUM_MISMATCH",
        })
      }
      expect((await put(streaming(bytesOf(MIDDLE)))).size).toBe(MIDDLE)
    })

    it("never goes over its limit, however many come at once", async () => {
      const { staging, put, ledger } = await open({ maxSize: 10_000 })
      const puts = Array.from({ length: 100 }, () => put(inMemory(bytesOf(900))))
      const ends = await Promise.allSettled(puts)
      for (const end of ends)
        if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "QUOTA_EXCEEDED" })
      expect(ends.filter((end) => end.status === "fulfilled").length).toBeGreaterThan(5)
      expect(ledger.usage().bytes).toBeLessThanOrEqual(10_000)
      expect(await listed(staging)).toEqual([...ledger.rows.keys()].toSorted())
    })

    it("evicts by pattern, oldest, oversized, bytes, all; never what is pinned or held", async () => {
      const { staging, put, ledger, listed } = await open()
      const pinned = await put(inMemory(bytesOf(100)), true)
      const free: BlobId[] = []
      for (let index = 0; index < 10; index += 1) free.push((await put(inMemory(bytesOf(100 + index)))).id)
      expect(await staging.evict("oversized")).toEqual({ evicted: 0, bytes: 0 })
      expect(await staging.evict("oldest")).toEqual({ evicted: 1, bytes: 100 })
      expect(await staging.evict({ pattern: `${free[3]!.slice(0, 20)}*` })).toEqual({ evicted: 1, bytes: 103 })
      expect(await staging.evict({ pattern: "blake3:*" })).toEqual({ evicted: 0, bytes: 0 })
      expect(await staging.evict({ bytes: 150 })).toEqual({ evicted: 2, bytes: 203 })
      const hold = staging.hold(free[9]!)
      expect(await staging.evict({ pattern: "*" })).toMatchObject({ evicted: 5 })
      expect(await listed()).toEqual([pinned.id, free[9]!].toSorted())
      hold.release()
      expect(await staging.evict("all")).toEqual({ evicted: 1, bytes: 109 })
      expect(await listed()).toEqual([pinned.id])
      expect(ledger.usage().bytes).toBe(100)
    })

    it("drops no more than is needed for all that come at once", async () => {
      const { put, ledger } = await open({ maxSize: 3000 })
      for (let index = 0; index < 3; index += 1) await put(inMemory(bytesOf(1000)))
      await Promise.all([put(inMemory(bytesOf(500))), put(inMemory(bytesOf(500)))])
      expect(ledger.usage()).toMatchObject({ bytes: 3000, entries: 4 })
    })

    it("evicts over many pages", async () => {
      const { staging, put, listed } = await open()
      for (let index = 0; index < 250; index += 1) await put(inMemory(bytesOf(index + 1)), index % 10 === 0)
      expect(await staging.evict("all")).toMatchObject({ evicted: 225 })
      expect(await listed()).toHaveLength(25)
    })

    it("refuses a pattern that is too long", async () => {
      const { staging } = await open()
      await expect(staging.evict({ pattern: "*".repeat(2000) })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    })
  })

  describe(`${name}: open and close`, () => {
    it("refuses what comes after the close, and closes twice", async () => {
      const { staging } = await open()
      await staging.close()
      await staging.close()
      const { source, stream } = live()
      await expect(staging.receive(source, OPTIONS)).rejects.toMatchObject({ code: "CLOSED" })
      stream.destroy()
    })

    it("recovers as often as asked", async () => {
      const { staging, put } = await open()
      const bytes = bytesOf(SMALL)
      const { id } = await put(inMemory(bytes))
      expect(await staging.recover(() => true)).toEqual({ restored: 0, swept: 0 })
      expect(await staging.recover(() => false)).toEqual({ restored: 0, swept: 0 })
      expect((await staging.readBuffer(id, SMALL)).equals(bytes)).toBe(true)
    })
  })
}
