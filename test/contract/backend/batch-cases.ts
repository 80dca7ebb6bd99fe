/** Batches do what the single calls do, in order, and stop where one fails; health is asked of the backend itself. */
import type { Readable } from "node:stream"
import { expect, it } from "vitest"
import { StoredError } from "../../../src/core/error.ts"
import {
  type BackendSuite,
  type BackendUnderTest,
  contentOf,
  errorOf,
  failing,
  fill,
  keysOf,
  pattern,
  readAll,
  text,
} from "./harness.ts"

export function batchCases(suite: BackendSuite, made: () => BackendUnderTest): void {
  it("puts many, each with its own options", async () => {
    const { backend, modeOf } = made()
    await backend.putMany([
      { key: "a", source: text("1"), modified: 1_700_000_000_000, mode: 0o600 },
      { key: "b/c", source: text("2") },
    ])
    expect([await contentOf(backend, "a"), await contentOf(backend, "b/c")]).toEqual(["1", "2"])
    if (suite.times?.given !== false) expect((await backend.stat("a"))?.modified).toBe(1_700_000_000_000)
    if (modeOf) expect((await modeOf("a")) & 0o777).toBe(0o600)
    await backend.putMany([])
  })

  it("ends a batch of puts with the first that fails: those before it are there, those after it are not", async () => {
    const { backend } = made()
    const bad = failing(pattern(10), new StoredError("SOURCE_FAILED", "The source broke off."))
    const batch = [
      { key: "a", source: text("1") },
      { key: "b", source: bad },
      { key: "c", source: text("3") },
    ]
    await errorOf(backend.putMany(batch), "SOURCE_FAILED")
    expect(await keysOf(backend)).toEqual(["a"])
  })

  it("gets many in the order asked for, and tells which are not there", async () => {
    const { backend } = made()
    await fill(backend, ["a", "b", "c"])
    const found: [string, string | null][] = []
    for await (const { key, stream } of backend.getMany(["c", "nothing", "a", "c"])) {
      found.push([key, stream && (await readAll(stream)).toString()])
    }
    expect(found).toEqual([
      ["c", "c"],
      ["nothing", null],
      ["a", "a"],
      ["c", "c"],
    ])
  })

  it("ends a stream that nobody read when the next is asked for, and when the batch is left", async () => {
    const { backend } = made()
    await backend.put("a", {
      size: 900_000,
      bytes: pattern(900_000),
      read: () => expect.fail("the bytes are in memory"),
    })
    const streams: Readable[] = []
    for await (const { stream } of backend.getMany(["a", "a", "a"])) {
      for (const before of streams) expect(before.destroyed).toBe(true)
      if (stream) streams.push(stream)
      if (streams.length === 2) break
    }
    expect(streams.map((stream) => stream.destroyed)).toEqual([true, true])
  })

  it("ends batches with ABORTED when the signal has fired", async () => {
    const { backend } = made()
    await fill(backend, ["a"])
    const signal = AbortSignal.abort()
    await errorOf(backend.putMany([{ key: "b", source: text("1") }], { signal }), "ABORTED")
    await errorOf(backend.getMany(["a"], { signal }).next(), "ABORTED")
    await errorOf(backend.deleteMany(["a"], { signal }), "ABORTED")
    expect(await keysOf(backend)).toEqual(["a"])
  })

  it("is healthy while it can be used, empty or not, and says why when it cannot", async () => {
    const { backend } = made()
    await backend.healthCheck()
    await fill(backend, ["a", "b"])
    await backend.healthCheck()
    await errorOf(backend.healthCheck({ signal: AbortSignal.abort() }), "ABORTED")
    await backend.close()
    await errorOf(backend.healthCheck(), "CLOSED")
  })
}
