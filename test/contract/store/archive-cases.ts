/** `archive`: many objects as one file, whole or broken. How other programs read them is in test/flow/archive.test.ts. */
import { buffer } from "node:stream/consumers"
import { gunzipSync } from "node:zlib"
import { expect, test } from "vitest"
import { StoredError } from "../../../src/core/error.ts"
import type { ArchiveOptions, StoreFace } from "../../../src/store/store.ts"
import { memoryBackend } from "../../flow/open-store.ts"
import { type OpenFace, text } from "./harness.ts"

const BLOCK = 512

/** The files of a plain tar with short names, in their order. */
function filesOf(tar: Buffer): [name: string, content: Buffer][] {
  const files: [string, Buffer][] = []
  for (let at = 0; tar[at] !== 0; ) {
    const name = tar.toString("utf8", at, tar.indexOf(0, at))
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 135), 8)
    files.push([name, tar.subarray(at + BLOCK, at + BLOCK + size)])
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}

async function filled(store: StoreFace): Promise<void> {
  for (const key of ["p/b/two", "p/a", "p/empty", "q"])
    await store.put(key === "p/empty" ? Buffer.alloc(0) : Buffer.from(`of ${key}`), { key, durability: "all" })
}

export function archiveCases(open: OpenFace): void {
  test("of a folder has its objects in the order of their keys, and says how long it is", async () => {
    const { store } = await open()
    await filled(store)
    const { name, mimeType, size, stream } = await store.archive({ prefix: "p/", format: "tar" })
    const bytes = await buffer(stream)
    expect({ name, mimeType, size }).toEqual({ name: "p.tar", mimeType: "application/x-tar", size: bytes.length })
    expect(filesOf(bytes)).toEqual([
      ["a", Buffer.from("of p/a")],
      ["b/two", Buffer.from("of p/b/two")],
      ["empty", Buffer.alloc(0)],
    ])
  })

  test("of keys has these, under a name that is given, compressed where that is asked for", async () => {
    const { store } = await open()
    await filled(store)
    const opened = await store.archive({ keys: ["q", "p/a"], format: "tar.gz", name: "some" })
    expect(opened).toMatchObject({ name: "some.tar.gz", mimeType: "application/gzip", size: null })
    expect(filesOf(gunzipSync(await buffer(opened.stream)))).toEqual([
      ["q", Buffer.from("of q")],
      ["p/a", Buffer.from("of p/a")],
    ])
    const zipped = await store.archive({ keys: ["q"] })
    expect(zipped).toMatchObject({ name: "archive.zip", mimeType: "application/zip" })
    const bytes = await buffer(zipped.stream)
    expect([bytes.length, bytes.toString("latin1", 0, 4)]).toEqual([zipped.size, "PK\u0003\u0004"])
  })

  test("reads what staging has no more from where it is", async () => {
    const { store } = await open()
    await filled(store)
    expect((await store.cache.clear()).evicted).toBeGreaterThan(0)
    const { stream } = await store.archive({ prefix: "p/", format: "tar" })
    expect(filesOf(await buffer(stream)).map(([name]) => name)).toEqual(["a", "b/two", "empty"])
  })

  test.each<[string, ArchiveOptions, string]>([
    ["nothing", {}, "INVALID_INPUT"],
    ["keys and a prefix", { keys: ["q"], prefix: "p/" }, "INVALID_INPUT"],
    ["no keys", { keys: [] }, "INVALID_INPUT"],
    ["what is no key", { keys: ["a//b"] }, "INVALID_KEY"],
    ["a format that there is not", { prefix: "p/", format: "rar" as "zip" }, "INVALID_INPUT"],
    ["a level that tar has not", { prefix: "p/", format: "tar", compress: 1 }, "INVALID_INPUT"],
    ["an empty folder", { prefix: "none/" }, "NOT_FOUND"],
  ])("of %s is refused", async (_, options, code) => {
    const { store } = await open()
    await filled(store)
    await expect(store.archive(options)).rejects.toMatchObject({ code })
  })

  test("of keys that are not there is refused before the first byte, with all of them", async () => {
    const { store } = await open()
    await filled(store)
    await expect(store.archive({ keys: ["none", "q", "nor/this"] })).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { keys: ["none", "nor/this"] },
    })
  })

  test("breaks where a source does, and never ends as a whole one", async () => {
    const { store, opened } = await open({ backends: { a: { driver: "memory" } } })
    await store.put(text, { key: "p/1", durability: "all" })
    await store.put(Buffer.alloc(1_000_000), { key: "p/2", durability: "all" })
    await store.cache.clear()
    memoryBackend(opened, "a").intercept = (operation, key) => {
      if (operation === "get" && key === "p/2") throw new StoredError("BACKEND_REFUSED", "Not this one.")
    }
    for (const format of ["zip", "tar", "tar.gz"] as const) {
      const reading = store.archive({ prefix: "p/", format }).then(({ stream }) => buffer(stream))
      // Whoever reads over the wire sees a connection that was cut.
      const code = expect.stringMatching(/^(COPY_UNAVAILABLE|BACKEND_REFUSED|BACKEND_UNAVAILABLE)$/)
      await expect(reading, format).rejects.toMatchObject({ code })
    }
  })
}
