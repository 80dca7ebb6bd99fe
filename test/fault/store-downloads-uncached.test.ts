/** Downloads that staging does not take, or stops taking in their midst: each reader has all bytes all the same, and bad ones are found out. */
import { expect, test } from "vitest"
import type { OpenedStore } from "../../src/compose.ts"
import { StoredError } from "../../src/core/error.ts"
import { memoryBackend } from "../flow/open-store.ts"
import { CONTENT, expectNothingLeft, isStaged, remote, SIZE, stream, take } from "./fed-backend.ts"
import { bytesOf, codeOf, readAll } from "./store-harness.ts"

/** Staging refuses what it is given once it has read so much of it. */
function refuseAfter({ services: { staging } }: OpenedStore, bytes: number): Promise<void> {
  const refused = Promise.withResolvers<void>()
  const { receive } = staging
  staging.receive = (source, options) => {
    let seen = 0
    const end = new AbortController()
    const counting = source.read()
    const refuse = new StoredError("DISK_FULL", "The disk is full.")
    counting.on("data", (chunk: Buffer) => {
      seen += chunk.length
      if (seen >= bytes) end.abort(refuse)
    })
    counting.pause()
    const once = { ...source, read: () => counting }
    return receive.call(staging, once, { ...options, signal: end.signal }).finally(refused.resolve)
  }
  return refused.promise
}

test("a single reader is served by the one read", async () => {
  const opened = await remote({ cache: { maxSize: 4_000_000 } })
  memoryBackend(opened, "b").intercept = (operation) => (operation === "put" ? new Promise(() => {}) : undefined)
  await opened.store.put(bytesOf(2, 2_000_000), { key: "pinned", backends: ["b"] })
  opened.fed.allow(SIZE)
  expect((await stream(opened).then(readAll)).equals(CONTENT)).toBe(true)
  expect(opened.fed.reads).toHaveLength(1)
  expect(opened.warnings).toEqual(["a remote read could not be cached"])
  expect(await isStaged(opened)).toBe(false)
  await opened.store.close({ deadline: 100 })
})

test.each([1, 1_000_000])("that ends after %i bytes, each of several readers has them all", async (bytes) => {
  const opened = await remote()
  const refused = refuseAfter(opened, bytes)
  const [slow, ...quick] = [await stream(opened), await stream(opened), await stream(opened)]
  opened.fed.allow(SIZE)
  const first = await take(slow!, 1)
  const wholes = await Promise.all(quick.map(readAll))
  await refused
  for (const whole of wholes) expect(whole.equals(CONTENT)).toBe(true)
  expect(opened.fed.reads).toHaveLength(1)
  expect(Buffer.concat([first, await readAll(slow!)]).equals(CONTENT)).toBe(true)
  expect(opened.fed.reads.length, "the slow one reads on by itself").toBe(2)
  expect(opened.fed.reads[1]!.range?.start).toBeGreaterThan(0)
  expect(await isStaged(opened)).toBe(false)
  await expectNothingLeft(opened)
})

test("bytes that are wrong are found out by their readers, and reported once", async () => {
  const opened = await remote()
  void refuseAfter(opened, 1)
  opened.fed.lie = Buffer.alloc(SIZE)
  const reads = Promise.all([stream(opened).then(readAll), stream(opened).then(readAll)].map(codeOf))
  opened.fed.allow(SIZE)
  expect(await reads).toEqual(["CORRUPT", "CORRUPT"])
  opened.fed.lie = undefined
  await opened.store.synced("k")
  await expectNothingLeft(opened)
})
