/** `get`, `open`, `stat`, `has`, `list` (A4–A7). */
import { expect, test } from "vitest"
import { type OpenFace, text } from "./harness.ts"

export function readCases(open: OpenFace, sideChecksums: boolean): void {
  test.runIf(sideChecksums)("by key, by id and by any known checksum", async () => {
    const { store } = await open({ checksums: ["sha256", "md5", "xxh3"] })
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
    const { store } = await open()
    expect(await store.stat("nothing")).toBeNull()
    expect(await store.has("nothing")).toBe(false)
    expect(await store.stat(`sha256:${"0".repeat(64)}`)).toBeNull()
    await expect(store.get("nothing")).rejects.toMatchObject({ code: "NOT_FOUND" })
  })

  test("ranges, as buffer and stream", async () => {
    const { store } = await open()
    await store.put(text, { key: "k" })
    expect((await store.get("k", { range: { start: 4, end: 9 } })).toString()).toBe("quick")
    expect((await store.get("k", { range: { start: 16 } })).toString()).toBe("fox")
    const stream = await store.get("k", { range: { start: 4, end: 9 }, stream: true })
    expect(Buffer.concat(await stream.toArray()).toString()).toBe("quick")
    await expect(store.get("k", { range: { start: 19 } })).rejects.toMatchObject({ code: "INVALID_RANGE" })
    await expect(store.get("k", { range: { start: -1 } })).rejects.toMatchObject({ code: "INVALID_RANGE" })
  })

  test("list is in key order, by prefix, by backend, resumed by a cursor", async () => {
    const { store } = await open()
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
}
