/** The verbs of the store on its whole way: put, get, stat, list, has, delete, synced, conditions, inputs (A1–A8, A34–A42). */
import { createHash } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pathToFileURL } from "node:url"
import { describe, expect, test } from "vitest"
import { openTestStore, temporaryDirectory } from "./open-store.ts"

const text = Buffer.from("the quick brown fox")
const hex = createHash("sha256").update(text).digest("hex")

describe("put", () => {
  test("answers with the canonical record before any backend has it, and synced proves every copy", async () => {
    const { store } = await openTestStore()
    const record = await store.put(text, { key: "notes/fox.txt", metadata: { album: "2026" } })
    expect(record).toMatchObject({
      id: `sha256:${hex}`,
      key: "notes/fox.txt",
      version: 1,
      isNew: true,
      size: text.length,
      checksums: { sha256: hex },
      mimeType: "text/plain",
      custom: { album: "2026" },
      staged: true,
    })
    expect(record.locations.map(({ backend, key, synced }) => ({ backend, key, synced }))).toEqual([
      { backend: "a", key: "notes/fox.txt", synced: false },
      { backend: "b", key: "notes/fox.txt", synced: false },
    ])
    const proven = await store.synced("notes/fox.txt")
    expect(proven.locations.every((location) => location.synced && location.verifiedAt !== null)).toBe(true)
  })

  test("every kind of input gives the same id", async () => {
    const { store } = await openTestStore()
    const path = join(await temporaryDirectory(), "fox.txt")
    await writeFile(path, text)
    const inputs = [
      text,
      new Uint8Array(text),
      new Uint8Array(text).buffer,
      new Blob([text]),
      Readable.from([text.subarray(0, 4), text.subarray(4)]),
      new Blob([text]).stream(),
      (async function* () {
        yield text
      })(),
      path,
      pathToFileURL(path),
    ]
    for (const [index, input] of inputs.entries()) {
      const record = await store.put(input, { key: `copy-${index}` })
      expect(record.id, `input ${index}`).toBe(`sha256:${hex}`)
      expect(await store.get(`copy-${index}`)).toEqual(text)
    }
  })

  test.each([
    ["buffer", () => Buffer.alloc(0)],
    ["stream", () => Readable.from([])],
  ])("an empty blob as %s is stored and read back", async (_name, make) => {
    const { store } = await openTestStore()
    await store.put(make(), { key: "empty" })
    expect((await store.get("empty")).length).toBe(0)
    expect((await store.synced("empty")).locations.every((location) => location.synced)).toBe(true)
  })

  test("without a key it makes one from the checksum, the same one every time", async () => {
    const { store } = await openTestStore()
    const first = await store.put(text)
    const second = await store.put(Readable.from([text]))
    expect(first.key).toBe(`blobs/sha256/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`)
    expect(second.key).toBe(first.key)
    expect([first.isNew, second.isNew]).toEqual([true, false])
  })

  test("conditions: ifAbsent and ifVersion hold or refuse with CONFLICT and change nothing", async () => {
    const { store } = await openTestStore()
    await store.put(text, { key: "k", ifAbsent: true })
    await expect(store.put(text, { key: "k", ifAbsent: true })).rejects.toMatchObject({ code: "CONFLICT" })
    await expect(store.put(text, { key: "k", ifVersion: 7 })).rejects.toMatchObject({ code: "CONFLICT" })
    expect((await store.put(Buffer.from("two"), { key: "k", ifVersion: 1 })).version).toBe(2)
    await expect(store.put(text, { key: "new", ifVersion: 1 })).rejects.toMatchObject({ code: "CONFLICT" })
    expect((await store.put(text, { key: "new", ifVersion: 0 })).version).toBe(1)
    expect((await store.get("k")).toString()).toBe("two")
  })

  test("a refused put leaves no bytes behind", async () => {
    const { store, services } = await openTestStore()
    await store.put(text, { key: "k" })
    await expect(store.put(Buffer.from("other bytes"), { key: "k", ifVersion: 9 })).rejects.toMatchObject({
      code: "CONFLICT",
    })
    const files = await Array.fromAsync(services.staging.list())
    expect(files.map((file) => file.id)).toEqual([`sha256:${hex}`])
  })

  test("declared size and checksums are checked before anything is committed", async () => {
    const { store } = await openTestStore()
    await expect(store.put(Readable.from([text]), { key: "k", size: 3 })).rejects.toMatchObject({
      code: "SIZE_MISMATCH",
    })
    await expect(store.put(Readable.from([text]), { key: "k", size: 999 })).rejects.toMatchObject({
      code: "SIZE_MISMATCH",
    })
    await expect(store.put(text, { key: "k", checksums: { md5: "0".repeat(32) } })).rejects.toMatchObject({
      code: "CHECKSUM_MISMATCH",
    })
    expect(await store.stat("k")).toBeNull()
    const record = await store.put(text, {
      key: "k",
      checksums: { sha256: hex, md5: createHash("md5").update(text).digest("hex") },
    })
    expect(record.checksums.md5).toBeDefined()
  })

  test("durability copies:N and all answer with proven copies", async () => {
    const { store } = await openTestStore()
    const two = await store.put(text, { key: "k", durability: "copies:2" })
    expect(two.locations.filter((location) => location.synced).length).toBe(2)
    await expect(store.put(text, { key: "k", durability: "copies:3" })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    const all = await store.put(Buffer.from("all"), { key: "all", durability: "all" })
    expect(all.locations.every((location) => location.synced)).toBe(true)
  })

  test.each([
    ["an unknown backend", { backends: ["nowhere"] }, "UNKNOWN_BACKEND"],
    ["no backend", { backends: [] }, "NO_BACKEND"],
    ["an empty key", { key: "" }, "INVALID_KEY"],
    ["a key that is too long", { key: "k".repeat(1025) }, "INVALID_KEY"],
    ["a key that climbs", { key: "a/../b" }, "INVALID_KEY"],
    ["an absolute key", { key: "/etc/passwd" }, "INVALID_KEY"],
    ["a key with a control character", { key: "a\nb" }, "INVALID_KEY"],
    ["metadata that is not JSON", { metadata: { when: new Date() } as never }, "INVALID_METADATA"],
    ["metadata that pollutes", { metadata: JSON.parse('{"a":{"__proto__":{}}}') }, "INVALID_METADATA"],
    ["metadata over 64 KiB", { metadata: { a: "x".repeat(65_537) } }, "INVALID_METADATA"],
    ["a malformed type", { mimeType: "no\r\ntype" }, "INVALID_INPUT"],
    ["an unknown durability", { durability: "forever" as never }, "INVALID_INPUT"],
  ])("refuses %s with a sentence and changes nothing", async (_name, options, code) => {
    const { store } = await openTestStore()
    const failure = await store.put(text, options).then(
      () => null,
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code })
    expect((failure as Error).message).toMatch(/\S.*[.!]$/)
    expect(await Array.fromAsync(store.list())).toEqual([])
    expect(store.status()).toMatchObject({ objects: 0, blobs: 0 })
  })

  test("a source that fails half way is SOURCE_FAILED and leaves nothing", async () => {
    const { store, services } = await openTestStore()
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(300_000)
        throw new Error("the wire broke")
      })(),
    )
    await expect(store.put(broken, { key: "k" })).rejects.toMatchObject({ code: "SOURCE_FAILED" })
    expect(await store.stat("k")).toBeNull()
    expect(await Array.fromAsync(services.staging.list())).toEqual([])
  })
})

describe("reading", () => {
  test("by key, by id and by any known checksum", async () => {
    const { store } = await openTestStore({ checksums: ["sha256", "md5", "xxh3"] })
    const { id } = await store.put(text, { key: "k" })
    await store.idle()
    const metadata = (await store.stat("k"))!
    expect(metadata.checksumState).toBe("complete")
    for (const reference of ["k", id, `md5:${metadata.checksums.md5}`, `xxh3:${metadata.checksums.xxh3}`]) {
      expect(await store.get(reference), reference).toEqual(text)
      expect((await store.stat(reference))?.id).toBe(id)
    }
  })

  test("stat and has of what is not there", async () => {
    const { store } = await openTestStore()
    expect(await store.stat("nothing")).toBeNull()
    expect(await store.has("nothing")).toBe(false)
    expect(await store.stat(`sha256:${"0".repeat(64)}`)).toBeNull()
    await expect(store.get("nothing")).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("ranges, as buffer and stream", async () => {
    const { store } = await openTestStore()
    await store.put(text, { key: "k" })
    expect((await store.get("k", { range: { start: 4, end: 9 } })).toString()).toBe("quick")
    expect((await store.get("k", { range: { start: 16 } })).toString()).toBe("fox")
    const stream = await store.get("k", { range: { start: 4, end: 9 }, stream: true })
    expect(Buffer.concat(await stream.toArray()).toString()).toBe("quick")
    await expect(store.get("k", { range: { start: 19 } })).rejects.toMatchObject({ code: "INVALID_RANGE" })
    await expect(store.get("k", { range: { start: -1 } })).rejects.toMatchObject({ code: "INVALID_RANGE" })
  })

  test("list is in key order, by prefix, by backend, resumed by a cursor", async () => {
    const { store } = await openTestStore()
    for (const key of ["b", "a/2", "a/1", "ab", "a.txt"])
      await store.put(Buffer.from(key), { key, backends: key === "b" ? ["b"] : ["a"] })
    const keys = async (options = {}) => (await Array.fromAsync(store.list(options))).map((object) => object.key)
    expect(await keys()).toEqual(["a.txt", "a/1", "a/2", "ab", "b"])
    expect(await keys({ prefix: "a/" })).toEqual(["a/1", "a/2"])
    expect(await keys({ prefix: "a" })).toEqual(["a.txt", "a/1", "a/2", "ab"])
    expect(await keys({ backend: "b" })).toEqual(["b"])
    expect(await keys({ limit: 2 })).toEqual(["a.txt", "a/1"])
    expect(await keys({ after: "a/1", limit: 2 })).toEqual(["a/2", "ab"])
    await expect(keys({ backend: "nowhere" })).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
  })
})

describe("delete", () => {
  test("the object is gone at once, every copy soon, and the staged bytes with it", async () => {
    const { store, services } = await openTestStore()
    const { id } = await store.put(text, { key: "k", durability: "all" })
    const result = await store.delete("k")
    expect(result).toEqual({ id, deleted: ["a", "b"], removed: ["a", "b"], pending: [], failed: [] })
    expect(await store.stat("k")).toBeNull()
    await store.idle()
    for (const name of ["a", "b"]) {
      const backend = await services.backends.opened(name)
      expect(await backend.stat("k")).toBeNull()
    }
    await services.staging.evict("all")
    expect(await Array.fromAsync(services.staging.list())).toEqual([])
    expect(await store.stat(id)).toBeNull()
  })

  test("versions of a key go on after its delete", async () => {
    const { store } = await openTestStore()
    await store.put(text, { key: "k" })
    await store.delete("k")
    expect((await store.put(text, { key: "k" })).version).toBeGreaterThan(1)
  })

  test("by id it takes every key that names the blob; other blobs stay", async () => {
    const { store } = await openTestStore()
    const { id } = await store.put(text, { key: "one" })
    await store.put(text, { key: "two" })
    await store.put(Buffer.from("else"), { key: "three" })
    await store.delete(id)
    expect((await Array.fromAsync(store.list())).map((object) => object.key)).toEqual(["three"])
  })

  test("of what is not there is NOT_FOUND", async () => {
    const { store } = await openTestStore()
    await expect(store.delete("k")).rejects.toMatchObject({ code: "NOT_FOUND" })
  })
})

test("overwriting moves the key to new bytes everywhere", async () => {
  const { store, services } = await openTestStore()
  await store.put(text, { key: "k" })
  const second = await store.put(Buffer.from("second"), { key: "k" })
  expect(second).toMatchObject({ version: 2, isNew: false })
  await store.synced("k")
  const backend = await services.backends.opened("a")
  expect(Buffer.concat(await (await backend.get("k")).toArray()).toString()).toBe("second")
})

test("two stores on one data directory: the second is refused", async () => {
  const { directory } = await openTestStore()
  await expect(openTestStore({ data: directory })).rejects.toMatchObject({ code: "DATA_DIRECTORY_IN_USE" })
})

test("a closed store refuses calls with CLOSED", async () => {
  const { store } = await openTestStore()
  await store.close()
  await store.close()
  await expect(store.put(text, { key: "k" })).rejects.toMatchObject({ code: "CLOSED" })
  await expect(store.get("k")).rejects.toMatchObject({ code: "CLOSED" })
})
