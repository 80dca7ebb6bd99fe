/** Cases of `get`, `stat`, `checksum`, `delete` and of the life of a backend. */
import { expect, it } from "vitest"
import type { HasherFactory } from "../../../src/core/checksum.ts"
import { closed, uncaughtDuring } from "../../uncaught.ts"
import {
  type BackendSuite,
  type BackendUnderTest,
  bytes,
  contentOf,
  errorOf,
  fill,
  keysOf,
  pattern,
  readAll,
  some,
  streamed,
  text,
} from "./harness.ts"

export function readCases(suite: BackendSuite, made: () => BackendUnderTest, hashers: HasherFactory): void {
  const SIZE = 700_000

  it.each([
    [0, 1],
    [0, SIZE],
    [1, 2],
    [65_535, 65_537],
    [262_143, 524_289],
    [SIZE - 1, SIZE],
    [SIZE - 5, SIZE + 5],
    [0, Number.POSITIVE_INFINITY],
    [SIZE, SIZE + 1],
    [10, 10],
  ])("gives the bytes from %d to %d", async (start, end) => {
    const { backend } = made()
    await backend.put("k", bytes(pattern(SIZE)))
    const seen = await readAll(await backend.get("k", { range: { start, end } }))
    expect(seen.equals(pattern(SIZE).subarray(start, Math.min(end, SIZE)))).toBe(true)
  })

  it.each([
    [SIZE + 1, SIZE + 2],
    [-1, 5],
    [5, 4],
    [0.5, 2],
    [Number.NaN, 2],
  ])("refuses the range from %d to %d", async (start, end) => {
    const { backend } = made()
    await backend.put("k", bytes(pattern(SIZE)))
    await errorOf(backend.get("k", { range: { start, end } }), "INVALID_RANGE")
  })

  it("gives the empty range of an empty blob", async () => {
    await made().backend.put("k", text(""))
    expect(await readAll(await made().backend.get("k", { range: { start: 0, end: 0 } }))).toHaveLength(0)
  })

  it("says of an absent key what it should", async () => {
    const { backend } = made()
    for (const key of ["absent", "absent/deep/er"]) {
      expect(await backend.stat(key)).toBeNull()
      const error = await errorOf(backend.get(key), "NOT_FOUND")
      expect(error.retryable).toBe(false)
      expect((await backend.checksum?.(key, "sha256")) ?? null).toBeNull()
      await backend.delete(key)
    }
  })

  it("takes a prefix of a key for no key", async () => {
    const { backend } = made()
    await backend.put("dir/sub/file", text("x"))
    for (const key of ["dir", "dir/sub", "dir/sub/fil", "dir/sub/files"]) {
      expect(await backend.stat(key)).toBeNull()
      await errorOf(backend.get(key), "NOT_FOUND")
      await backend.delete(key)
    }
    expect(await contentOf(backend, "dir/sub/file")).toBe("x")
  })

  it("gives the old content to whoever opened it before an overwrite or a delete", async () => {
    const { backend } = made()
    const old = pattern(1_500_000, 1)
    await backend.put("k", bytes(old))
    const beforeOverwrite = await backend.get("k")
    await backend.put("k", bytes(pattern(1_500_000, 2)))
    const beforeDelete = await backend.get("k")
    await backend.delete("k")
    expect((await readAll(beforeOverwrite)).equals(old)).toBe(true)
    expect((await readAll(beforeDelete)).equals(pattern(1_500_000, 2))).toBe(true)
  })

  it("lets go of a stream that is destroyed early", async () => {
    const { backend } = made()
    await backend.put("k", bytes(pattern(2_000_000)))
    const stream = await backend.get("k")
    await stream[Symbol.asyncIterator]().next()
    const closed = new Promise((resolve) => stream.once("close", resolve))
    stream.destroy()
    await closed
    expect((await readAll(await backend.get("k"))).length).toBe(2_000_000)
  })

  it("breaks an open stream with ABORTED when the signal fires", async () => {
    const { backend } = made()
    const controller = new AbortController()
    await backend.put("k", bytes(pattern(8_000_000)))
    const stream = await backend.get("k", { signal: controller.signal })
    let seen = 0
    const reading = (async () => {
      for await (const chunk of stream) {
        seen += (chunk as Buffer).length
        controller.abort()
      }
    })()
    await errorOf(reading, "ABORTED")
    expect(seen).toBeLessThan(8_000_000)
  })

  it("fails a stream that is aborted before anybody listens for its reader, and for nobody else", async () => {
    const { backend } = made()
    const controller = new AbortController()
    await backend.put("k", bytes(pattern(2_000_000)))
    const uncaught = await uncaughtDuring(async () => {
      const stream = await backend.get("k", { signal: controller.signal })
      controller.abort()
      await closed(stream)
      await errorOf(readAll(stream), "ABORTED")
    })
    expect(uncaught).toEqual([])
  })

  it("refuses every call whose signal has fired", async () => {
    const { backend } = made()
    await backend.put("k", text("x"))
    const signal = AbortSignal.abort()
    await errorOf(backend.get("k", { signal }), "ABORTED")
    await errorOf(backend.stat("k", { signal }), "ABORTED")
    await errorOf(backend.delete("k", { signal }), "ABORTED")
    await errorOf(keysOf(backend, { signal }), "ABORTED")
    expect(await contentOf(backend, "k")).toBe("x")
  })

  it.each([0, 1, 1_000, 262_144, 262_145, 2_500_000])("knows every checksum it claims, of %i bytes", async (size) => {
    const { backend } = made()
    const content = pattern(size)
    await backend.put("dir/k", streamed(content))
    expect(backend.capabilities.checksums.length > 0).toBe(backend.checksum !== undefined)
    for (const algorithm of backend.capabilities.checksums) {
      expect(await backend.checksum?.("dir/k", algorithm)).toEqual({ size, hex: hashers.hash(algorithm, content) })
    }
  })

  it("answers with the checksum of what is there now", async () => {
    const { backend } = made()
    for (const content of ["one", "two", ""]) {
      await backend.put("k", text(content))
      const hex = hashers.hash("sha256", Buffer.from(content))
      if (backend.checksum) expect(await backend.checksum("k", "sha256")).toEqual({ size: content.length, hex })
    }
  })

  it("deletes, also what is not there, also twice at once", async () => {
    const { backend } = made()
    await fill(backend, ["a/1", "a/2", "b"])
    await Promise.all([backend.delete("a/1"), backend.delete("a/1"), backend.delete("nothing")])
    expect(await keysOf(backend)).toEqual(["a/2", "b"])
    await errorOf(backend.get("a/1"), "NOT_FOUND")
  })

  it("takes a key again after its delete", async () => {
    const { backend } = made()
    for (const round of ["first", "second", "third"]) {
      await backend.put("deep/er/k", text(round))
      expect(await contentOf(backend, "deep/er/k")).toBe(round)
      await backend.delete("deep/er/k")
      expect(await backend.stat("deep/er/k")).toBeNull()
    }
  })

  it("deletes many", async () => {
    const { backend } = made()
    const keys = Array.from({ length: some(suite, 150) }, (_, index) => `${index % 7}/${index}`)
    await fill(backend, [...keys, "stays"])
    await backend.deleteMany([...keys, "absent"])
    expect(await keysOf(backend)).toEqual(["stays"])
  })

  it("survives puts and deletes of neighbours at the same time", async () => {
    const { backend } = made()
    for (let round = 0; round < some(suite, 30); round += 1) {
      await Promise.all([
        backend.put("x/y/a", text("a")),
        backend.delete("x/y/b"),
        backend.put("x/c", text("c")),
        backend.delete("x/d"),
      ])
      await Promise.all([backend.delete("x/y/a"), backend.put("x/y/b", text("b")), backend.delete("x/c")])
      expect(await keysOf(backend)).toEqual(["x/y/b"])
    }
  })

  it("may be opened and closed twice, and keeps nothing usable when closed", async () => {
    const { backend } = made()
    await backend.put("k", text("x"))
    await backend.open()
    expect(await contentOf(backend, "k")).toBe("x")
    await backend.close()
    await backend.close()
    await errorOf(backend.stat("k"), "CLOSED")
    await errorOf(keysOf(backend), "CLOSED")
    await backend.open()
    expect(await contentOf(backend, "k")).toBe("x")
  })

  it("does not begin to open where the signal has fired", async () => {
    await errorOf(made().backend.open({ signal: AbortSignal.abort() }), "ABORTED")
  })
}
