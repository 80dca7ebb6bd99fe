/** `put`: what it takes, what it answers, what it refuses (A1–A3, A34–A42). */
import { createHash } from "node:crypto"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pathToFileURL } from "node:url"
import { expect, test } from "vitest"
import { temporaryDirectory } from "../../flow/open-store.ts"
import { hex, keysOf, type OpenFace, text } from "./harness.ts"

export function putCases(open: OpenFace): void {
  test("answers with the canonical record before any backend has it, and synced proves every copy", async () => {
    const { store } = await open()
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
    const { store } = await open()
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
    const { store } = await open()
    await store.put(make(), { key: "empty" })
    expect((await store.get("empty")).length).toBe(0)
    expect((await store.synced("empty")).locations.every((location) => location.synced)).toBe(true)
  })

  test("without a key it makes one from the checksum, the same one every time", async () => {
    const { store } = await open()
    const first = await store.put(text)
    const second = await store.put(Readable.from([text]))
    expect(first.key).toBe(`blobs/sha256/${hex.slice(0, 2)}/${hex.slice(2, 4)}/${hex}`)
    expect(second.key).toBe(first.key)
    expect([first.isNew, second.isNew]).toEqual([true, false])
  })

  test("conditions: ifAbsent and ifVersion hold or refuse with CONFLICT and change nothing", async () => {
    const { store } = await open()
    await store.put(text, { key: "k", ifAbsent: true })
    await expect(store.put(text, { key: "k", ifAbsent: true })).rejects.toMatchObject({ code: "CONFLICT" })
    await expect(store.put(text, { key: "k", ifVersion: 7 })).rejects.toMatchObject({ code: "CONFLICT" })
    expect((await store.put(Buffer.from("two"), { key: "k", ifVersion: 1 })).version).toBe(2)
    await expect(store.put(text, { key: "new", ifVersion: 1 })).rejects.toMatchObject({ code: "CONFLICT" })
    expect((await store.put(text, { key: "new", ifVersion: 0 })).version).toBe(1)
    expect((await store.get("k")).toString()).toBe("two")
  })

  test("a refused put leaves no bytes behind", async () => {
    const { store, opened } = await open()
    await store.put(text, { key: "k" })
    await expect(store.put(Buffer.from("other bytes"), { key: "k", ifVersion: 9 })).rejects.toMatchObject({
      code: "CONFLICT",
    })
    const files = await Array.fromAsync(opened.services.staging.list())
    expect(files.map((file) => file.id)).toEqual([`sha256:${hex}`])
  })

  test("declared size and checksums are checked before anything is committed", async () => {
    const { store } = await open()
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
    const { store } = await open()
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
    const { store } = await open()
    const failure = await store.put(text, options).then(
      () => null,
      (error: unknown) => error,
    )
    expect(failure).toMatchObject({ code })
    expect((failure as Error).message).toMatch(/\S.*[.!]$/)
    expect(await keysOf(store)).toEqual([])
    expect(await store.status()).toMatchObject({ objects: 0, blobs: 0 })
  })

  test("a source that fails half way is SOURCE_FAILED and leaves nothing", async () => {
    const { store, opened } = await open()
    const broken = Readable.from(
      (async function* () {
        yield Buffer.alloc(300_000)
        throw new Error("the wire broke")
      })(),
    )
    await expect(store.put(broken, { key: "k" })).rejects.toMatchObject({ code: "SOURCE_FAILED" })
    expect(await store.stat("k")).toBeNull()
    expect(await Array.fromAsync(opened.services.staging.list())).toEqual([])
  })

  test("overwriting moves the key to new bytes everywhere", async () => {
    const { store, opened } = await open()
    await store.put(text, { key: "k" })
    const second = await store.put(Buffer.from("second"), { key: "k" })
    expect(second).toMatchObject({ version: 2, isNew: false })
    await store.synced("k")
    const backend = await opened.services.backends.opened("a")
    expect(Buffer.concat(await (await backend.get("k")).toArray()).toString()).toBe("second")
  })
}
