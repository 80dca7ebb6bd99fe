/** Cases of `put`: what is kept, atomicity, sources that lie or break, aborts, concurrency. */
import { Readable } from "node:stream"
import { expect, it } from "vitest"
import { StoredError } from "../../../src/core/error.ts"
import {
  type BackendSuite,
  type BackendUnderTest,
  bytes,
  contentOf,
  errorOf,
  failing,
  keysOf,
  pattern,
  readAll,
  some,
  stalling,
  streamed,
  text,
} from "./harness.ts"

export function putCases(suite: BackendSuite, made: () => BackendUnderTest): void {
  const put = (key: string, content: string) => made().backend.put(key, text(content))

  it("answers with the key and holds the bytes", async () => {
    const { backend } = made()
    expect(await put("a/b.txt", "hello")).toEqual({ key: "a/b.txt" })
    expect(await contentOf(backend, "a/b.txt")).toBe("hello")
    expect((await backend.stat("a/b.txt"))?.size).toBe(5)
  })

  it.each([
    ["bytes", bytes(Buffer.alloc(0))],
    ["a stream with a size", streamed(Buffer.alloc(0), 0)],
    ["a stream without a size", streamed(Buffer.alloc(0))],
  ])("keeps an empty blob given as %s", async (_form, source) => {
    const { backend } = made()
    await backend.put("empty", source)
    expect(await backend.stat("empty")).toMatchObject({ size: 0 })
    expect(await readAll(await backend.get("empty"))).toHaveLength(0)
    expect(await keysOf(backend)).toEqual(["empty"])
  })

  it.each([1, 65_535, 65_536, 65_537, 1_048_576, 1_048_577, 3_000_001])("keeps %i bytes as a stream", async (size) => {
    const { backend } = made()
    await backend.put("sized", streamed(pattern(size), size))
    expect((await readAll(await backend.get("sized"))).equals(pattern(size))).toBe(true)
  })

  it.each([1, 262_144, 1_048_577])("keeps %i bytes given as bytes", async (size) => {
    const { backend } = made()
    await backend.put("sized", bytes(pattern(size)))
    expect((await readAll(await backend.get("sized"))).equals(pattern(size))).toBe(true)
  })

  it("takes a stream of unknown size", async () => {
    const { backend } = made()
    await backend.put("k", streamed(pattern(100_000)))
    expect((await backend.stat("k"))?.size).toBe(100_000)
  })

  it("takes many tiny chunks", async () => {
    const { backend } = made()
    const read = () => Readable.from(Array.from({ length: 20_000 }, (_, index) => Buffer.from([index & 0xff])))
    await backend.put("k", { size: 20_000, read })
    expect((await readAll(await backend.get("k"))).subarray(254, 258)).toEqual(Buffer.from([254, 255, 0, 1]))
  })

  it(`keeps ${suite.largest.size} bytes${suite.largest.reason ? ` (${suite.largest.reason})` : ""}`, async () => {
    const { backend } = made()
    const { size } = suite.largest
    const marks = [0, 2 ** 31, 2 ** 32, size - 4].filter((mark) => mark + 4 <= size)
    await backend.put("large", { size, read: () => Readable.from(zerosWithMarks(size, marks), { objectMode: false }) })
    expect((await backend.stat("large"))?.size).toBe(size)
    for (const mark of marks) {
      const range = { start: Math.max(0, mark - 1), end: mark + 4 }
      const seen = await readAll(await backend.get("large", { range }))
      expect(seen.subarray(-4).toString(), `at ${mark}`).toBe("MARK")
      expect(seen).toHaveLength(range.end - range.start)
    }
    await backend.delete("large")
  }, 300_000)

  it("replaces what was there", async () => {
    await put("k", "old and longer")
    await put("k", "new")
    expect(await contentOf(made().backend, "k")).toBe("new")
    expect(await keysOf(made().backend)).toEqual(["k"])
  })

  it("takes the same bytes twice", async () => {
    await put("k", "same")
    await put("k", "same")
    expect(await contentOf(made().backend, "k")).toBe("same")
  })

  const { given, precision } = suite.times ?? { given: true, precision: 100 }
  it(`${given ? "keeps" : "is not confused by"} the modification time it is given`, async () => {
    const { backend } = made()
    await backend.put("k", text("x"), { modified: 1_234_567_890_123 })
    const modified = (await backend.stat("k"))?.modified
    if (given) expect(modified).toBe(1_234_567_890_123)
    else expect(Date.now() - (modified ?? 0)).toBeLessThan(60_000)
  })

  it("gives the present time where none is given", async () => {
    const before = Date.now()
    await put("k", "x")
    const modified = (await made().backend.stat("k"))?.modified ?? 0
    // Clocks of file systems tick coarsely.
    expect(modified).toBeGreaterThanOrEqual(before - precision)
    expect(modified).toBeLessThanOrEqual(Date.now() + precision)
  })

  it.each([0o600, 0o640, 0o644, 0o755, 0o777, 0o444])("keeps the mode %i where the driver has modes", async (mode) => {
    const { backend, modeOf } = made()
    await backend.put("k", text("x"), { mode })
    if (modeOf) expect(await modeOf("k")).toBe(mode)
    else expect(await contentOf(backend, "k")).toBe("x")
  })

  it("changes its etag, if it has one, with the content", async () => {
    const { backend } = made()
    await backend.put("k", text("one"), { modified: 1_000 })
    const first = await backend.stat("k")
    await backend.put("k", text("two"), { modified: 1_000 })
    const second = await backend.stat("k")
    if (first?.etag !== undefined) expect(second?.etag).not.toBe(first.etag)
    if (given) expect(second?.modified).toBe(1_000)
  })

  const broken: [string, () => Promise<unknown>, Parameters<typeof errorOf>[1]][] = [
    ["a short source", () => made().backend.put("k", streamed(pattern(99), 100)), "SIZE_MISMATCH"],
    [
      "an empty source that declared bytes",
      () => made().backend.put("k", streamed(Buffer.alloc(0), 1)),
      "SIZE_MISMATCH",
    ],
    ["a long source", () => made().backend.put("k", streamed(pattern(300_000), 100_000)), "SIZE_MISMATCH"],
    ["bytes of another size", () => made().backend.put("k", { ...bytes(pattern(10)), size: 9 }), "SIZE_MISMATCH"],
    ["a breaking source", () => made().backend.put("k", failing(pattern(200_000), new Error("boom"))), "SOURCE_FAILED"],
    ["a source that cannot be opened", () => made().backend.put("k", { read: unreadable }), "SOURCE_FAILED"],
  ]
  it.each(broken)("refuses %s, keeps the old content and leaves no litter", async (_name, run, code) => {
    await put("k", "old")
    await errorOf(run(), code)
    expect(await contentOf(made().backend, "k")).toBe("old")
    expect(await made().litter()).toEqual([])
  })

  it.each(broken)("shows nothing of %s under a new key", async (_name, run, code) => {
    await errorOf(run(), code)
    expect(await made().backend.stat("k")).toBeNull()
    expect(await keysOf(made().backend)).toEqual([])
    expect(await made().litter()).toEqual([])
  })

  it("says that a broken source is worth another try, and passes on its typed errors", async () => {
    const { backend } = made()
    const plain = await errorOf(backend.put("k", failing(pattern(5), new Error("boom"))), "SOURCE_FAILED")
    expect(plain.retryable).toBe(true)
    expect(plain.cause).toMatchObject({ message: "boom" })
    await errorOf(backend.put("k", failing(pattern(5), new StoredError("CORRUPT", "bad staged bytes"))), "CORRUPT")
  })

  it("opens a fresh stream at every put of one source", async () => {
    const source = streamed(pattern(1_000), 1_000)
    await made().backend.put("one", source)
    await made().backend.put("two", source)
    expect(await readAll(await made().backend.get("two"))).toEqual(await readAll(await made().backend.get("one")))
  })

  it("does nothing where the signal has fired already", async () => {
    await errorOf(made().backend.put("k", text("x"), { signal: AbortSignal.abort() }), "ABORTED")
    expect(await made().backend.stat("k")).toBeNull()
  })

  it("ends an aborted wait for a source that says nothing, and leaves no litter", async () => {
    await put("k", "old")
    const controller = new AbortController()
    const { source, reached } = stalling(pattern(70_000))
    const running = errorOf(made().backend.put("k", source, { signal: controller.signal }), "ABORTED")
    await reached
    controller.abort()
    await running
    expect(await contentOf(made().backend, "k")).toBe("old")
    expect(await made().litter()).toEqual([])
  })

  it("shows readers the whole old or the whole new content during overwrites", async () => {
    const { backend } = made()
    const versions = [1, 2, 3, 4].map((seed) => Buffer.alloc(300_000 + seed, seed))
    await backend.put("k", bytes(versions[0]!))
    let writing = true
    const reader = async (): Promise<number> => {
      let reads = 0
      for (; writing; reads += 1) {
        const seen = await readAll(await backend.get("k"))
        expect(seen.equals(versions[seen[0]! - 1]!)).toBe(true)
      }
      return reads
    }
    const readers = [reader(), reader(), reader()]
    for (let round = 0; round < some(suite, 40); round += 1) await backend.put("k", streamed(versions[round % 4]!))
    writing = false
    for (const reads of await Promise.all(readers)) expect(reads).toBeGreaterThan(0)
  })

  it("ends concurrent puts of one key with one of them, whole", async () => {
    const { backend } = made()
    const contents = Array.from({ length: some(suite, 32) }, (_, index) => Buffer.alloc(50_000 + index, index + 1))
    await Promise.all(contents.map((content) => backend.put("dir/k", streamed(content, content.byteLength))))
    const seen = await readAll(await backend.get("dir/k"))
    expect(seen.equals(contents[seen[0]! - 1]!)).toBe(true)
    expect(await keysOf(backend)).toEqual(["dir/k"])
    expect(await made().litter()).toEqual([])
  })

  it("takes many keys of one new directory at once", async () => {
    const { backend } = made()
    const keys = Array.from({ length: some(suite, 100) }, (_, index) => `new/deep/er/${String(index).padStart(3, "0")}`)
    await Promise.all(keys.map((key) => backend.put(key, text(key))))
    expect(await keysOf(backend)).toEqual(keys)
  })
}

function unreadable(): Readable {
  throw new Error("it is gone")
}

function* zerosWithMarks(size: number, marks: number[]): Generator<Buffer> {
  const zeros = Buffer.alloc(2 ** 20)
  for (let start = 0; start < size; start += zeros.length) {
    const length = Math.min(zeros.length, size - start)
    const inside = marks.filter((mark) => mark >= start && mark < start + length)
    if (inside.length === 0) {
      yield zeros.subarray(0, length)
      continue
    }
    const piece = Buffer.alloc(length)
    for (const mark of inside) piece.write("MARK", mark - start)
    yield piece
  }
}
