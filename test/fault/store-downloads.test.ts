/**
 * Several readers of one remote blob share one download: each is served as bytes come, at its own pace, and none depends on another. A download that
 * fails fails all of them, caches nothing, and says so once.
 */
import { once } from "node:events"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import { memoryBackend, openTestStore } from "../flow/open-store.ts"
import { CONTENT, ended, expectNothingLeft, isStaged, remote, SIZE, stream, take } from "./fed-backend.ts"
import { bytesOf, codeOf, createGate, expectHealthy, holdAt, readAll } from "./store-harness.ts"

describe("sharing", () => {
  test.each([1, 100_000, SIZE])(
    "of %i bytes: readers by key and id, as streams and Buffers, cause one read",
    async (size) => {
      const content = CONTENT.subarray(0, size)
      const opened = await remote({}, content)
      const reads = [
        opened.store.get("k"),
        opened.store.get(opened.id),
        stream(opened).then(readAll),
        opened.store.get(opened.id, { stream: true }).then(readAll),
        opened.store.get("k", { backend: "a" }),
      ]
      opened.fed.allow(size)
      for (const bytes of await Promise.all(reads)) expect(bytes.equals(content)).toBe(true)
      expect(opened.fed.reads).toHaveLength(1)
      expect(await isStaged(opened)).toBe(true)
      const again = await opened.store.open("k")
      expect(again.servedFrom).toBe("staging")
      again.stream.destroy()
      await expectNothingLeft(opened)
    },
  )

  test("everybody is served as bytes come, and a late one catches up", async () => {
    const opened = await remote()
    const early = await stream(opened)
    opened.fed.allow(1_700_000)
    expect((await take(early, 1_700_000)).equals(CONTENT.subarray(0, 1_700_000))).toBe(true)
    const late = await stream(opened)
    expect((await take(late, 1_700_000)).equals(CONTENT.subarray(0, 1_700_000))).toBe(true)
    opened.fed.allow(SIZE)
    for (const reader of [early, late]) expect((await readAll(reader)).equals(CONTENT.subarray(1_700_000))).toBe(true)
    expect(opened.fed.reads).toHaveLength(1)
    await expectNothingLeft(opened)
  })

  test("a slow reader holds up nobody, and has its bytes even after they were evicted", async () => {
    const opened = await remote()
    const slow = await stream(opened)
    opened.fed.allow(SIZE)
    const first = await take(slow, 1)
    expect((await opened.store.get("k")).equals(CONTENT)).toBe(true)
    await opened.store.cache.clear()
    expect(await isStaged(opened)).toBe(false)
    expect(Buffer.concat([first, await readAll(slow)]).equals(CONTENT)).toBe(true)
    expect(opened.fed.reads).toHaveLength(1)
    await expectNothingLeft(opened)
  })

  test("a part that is there already is read from the download, one that is not by itself", async () => {
    const opened = await remote()
    const whole = await stream(opened)
    opened.fed.allow(1_000_000)
    await take(whole, 1_000_000)
    const part = await opened.store.get("k", { range: { start: 10, end: 900_000 } })
    expect(part.equals(CONTENT.subarray(10, 900_000))).toBe(true)
    expect(opened.fed.reads).toHaveLength(1)
    const ahead = opened.store.get("k", { range: { start: 2_000_000, end: 2_500_000 } })
    opened.fed.allow(SIZE)
    expect((await ahead).equals(CONTENT.subarray(2_000_000, 2_500_000))).toBe(true)
    expect(opened.fed.reads.map(({ range }) => range?.start)).toEqual([undefined, 2_000_000])
    await readAll(whole)
    await expectNothingLeft(opened)
  })

  test("what one reader does to its bytes does not reach the others", async () => {
    const opened = await remote()
    const [vandal, other] = [await stream(opened), await stream(opened)]
    vandal.on("data", (chunk: Buffer) => chunk.fill(0))
    opened.fed.allow(SIZE)
    await once(vandal, "end")
    expect((await readAll(other)).equals(CONTENT)).toBe(true)
    await expectNothingLeft(opened)
  })
})

describe("leaving", () => {
  test("one who goes or aborts leaves the others alone; with the last one the download ends, and nothing is cached", async () => {
    const opened = await remote()
    const control = new AbortController()
    const readers = [await stream(opened), await stream(opened, { signal: control.signal }), await stream(opened)]
    opened.fed.allow(700_000)
    for (const reader of readers) await take(reader, 700_000)
    readers[0]!.destroy()
    const aborted = codeOf(readAll(readers[1]!))
    control.abort()
    expect(await aborted).toBe("ABORTED")
    opened.fed.allow(900_000)
    await take(readers[2]!, 200_000)
    expect(opened.fed.reads[0]!.stream.destroyed).toBe(false)
    readers[2]!.destroy()
    await once(readers[2]!, "close")
    await ended(opened)
    expect(opened.fed.reads[0]!.stream.destroyed).toBe(true)
    expect(await isStaged(opened)).toBe(false)
    expect(opened.warnings).toEqual([])
    opened.fed.allow(SIZE)
    expect((await opened.store.get("k")).equals(CONTENT)).toBe(true)
    expect(opened.fed.reads).toHaveLength(2)
    await expectNothingLeft(opened)
  })

  test("while the backend has not answered yet: ABORTED at once, the other one waits on", async () => {
    const opened = await remote()
    const gate = createGate()
    memoryBackend(opened, "a").intercept = holdAt(gate, "stat", "k")
    const control = new AbortController()
    const gone = codeOf(opened.store.get("k", { signal: control.signal }))
    const stays = opened.store.get("k")
    await gate.reached
    control.abort()
    expect(await gone).toBe("ABORTED")
    gate.open()
    opened.fed.allow(SIZE)
    expect((await stays).equals(CONTENT)).toBe(true)
    expect(opened.fed.reads).toHaveLength(1)
    await expectNothingLeft(opened)
  })

  test("bytes that are all there are kept, although nobody reads them any more", async () => {
    const opened = await remote()
    const reader = await stream(opened)
    const placing = createGate()
    const { commitStaged } = opened.services.catalog
    opened.services.catalog.commitStaged = async (...what) => {
      await placing.pass()
      return commitStaged.apply(opened.services.catalog, what)
    }
    opened.fed.allow(SIZE)
    await placing.reached
    reader.destroy()
    placing.open()
    await ended(opened)
    expect(await isStaged(opened)).toBe(true)
    await expectNothingLeft(opened)
  })
})

describe("failing", () => {
  test("a download that breaks off fails all its readers, is logged once, and caches nothing", async () => {
    const opened = await remote()
    opened.fed.cutAt = 1_200_000
    const reads = [stream(opened).then(readAll), stream(opened).then(readAll), opened.store.get("k")].map(codeOf)
    opened.fed.allow(SIZE)
    expect(await Promise.all(reads)).toEqual(["BACKEND_UNAVAILABLE", "BACKEND_UNAVAILABLE", "COPY_UNAVAILABLE"])
    await ended(opened)
    expect(opened.warnings).toEqual(["a download failed, and nothing of it is cached"])
    expect(await isStaged(opened)).toBe(false)
    opened.fed.cutAt = undefined
    expect((await opened.store.get("k")).equals(CONTENT)).toBe(true)
    expect(opened.fed.reads).toHaveLength(2)
    await expectNothingLeft(opened)
  })

  test.each([
    ["has other bytes", Buffer.concat([CONTENT.subarray(0, 2_000_000), Buffer.alloc(1_000_000)]), SIZE - 1],
    ["ends early", CONTENT.subarray(0, 2_000_000), 2_000_000],
    ["goes on too long", Buffer.concat([CONTENT, Buffer.alloc(1)]), SIZE],
  ])("a copy that %s never ends cleanly for anybody, is reported once, and is mended", async (_what, lie, most) => {
    const opened = await remote()
    opened.fed.lie = lie
    const given = [0, 0]
    const reads = given.map(async (_count, index) => {
      for await (const chunk of await stream(opened)) given[index]! += (chunk as Buffer).length
    })
    const codes = Promise.all([...reads, opened.store.get("k")].map(codeOf))
    opened.fed.allow(SIZE + 1)
    expect(await codes).toEqual(["CORRUPT", "CORRUPT", "CORRUPT"])
    for (const count of given) expect(count).toBeLessThanOrEqual(most)
    await ended(opened)
    expect(opened.warnings).toEqual(["a download failed, and nothing of it is cached"])
    opened.fed.lie = undefined
    await opened.store.synced("k")
    expect((await opened.store.get("k")).equals(CONTENT)).toBe(true)
    await expectNothingLeft(opened)
  })

  test("with fallback the next copy is read, for all who have no byte yet; who has some is told", async () => {
    const opened = await remote()
    opened.fed.cutAt = 0
    expect(await codeOf(stream(opened).then(readAll))).toBe("BACKEND_UNAVAILABLE")
    const seen = opened.store.open("k", { fallback: true })
    const bytes = opened.store.get("k", { fallback: ["b"] })
    expect((await seen).servedFrom).toBe("b")
    expect((await readAll((await seen).stream)).equals(CONTENT)).toBe(true)
    expect((await bytes).equals(CONTENT)).toBe(true)

    opened.fed.cutAt = 500_000
    await opened.store.cache.clear()
    opened.fed.allow(SIZE)
    const begun = await opened.store.open("k", { fallback: true })
    expect(begun.servedFrom).toBe("a")
    expect(await codeOf(readAll(begun.stream))).toBe("BACKEND_UNAVAILABLE")
    // A Buffer is handed out whole or not at all.
    expect((await opened.store.get("k", { fallback: true })).equals(CONTENT)).toBe(true)
    await expectNothingLeft(opened)
  })
})

test("a store that closes ends its downloads: readers fail with CLOSED, and nothing is left", async () => {
  const opened = await remote()
  const [reader, idle] = [await stream(opened), await stream(opened)]
  opened.fed.allow(700_000)
  await take(reader, 700_000)
  const read = codeOf(readAll(reader))
  const waiting = codeOf(opened.store.get("k"))
  await opened.store.close()
  expect(await read).toBe("CLOSED")
  expect(await waiting).toBe("COPY_UNAVAILABLE")
  expect(await codeOf(readAll(idle))).toBe("CLOSED")
  expect(opened.fed.reads[0]!.stream.destroyed).toBe(true)
  expect(await readdir(join(opened.directory, "staging", "tmp"))).toEqual([])
  const again = await openTestStore({ data: opened.directory })
  // Memory backends forget what they held.
  await again.store.put(bytesOf(2, SIZE), { key: "k", durability: "all" })
  await expectHealthy(again)
})
