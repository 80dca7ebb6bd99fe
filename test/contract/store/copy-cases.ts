/** `copy`, `move`, `deleteMany`: other keys for objects, without their bytes being sent again. */
import { expect, test } from "vitest"
import { keysOf, type OpenFace, text } from "./harness.ts"

export function copyCases(open: OpenFace): void {
  test("a copy has the same bytes, type and metadata, and copies of its own where the first one has them", async () => {
    const { store } = await open()
    const first = await store.put(text, { key: "a/one.txt", backends: ["b"], metadata: { n: 1 } })
    const copy = await store.copy("a/one.txt", "c/two.bin")
    expect(copy).toMatchObject({ id: first.id, key: "c/two.bin", isNew: true, version: 1, satisfied: true })
    expect(copy).toMatchObject({ mimeType: first.mimeType, custom: { n: 1 } })
    await store.synced("c/two.bin")
    expect((await store.stat("c/two.bin"))?.locations.map(({ backend }) => backend)).toEqual(["b"])
    await store.delete("a/one.txt")
    expect(await store.get("c/two.bin")).toEqual(text)
  })

  test("a copy takes what it is told: other backends, metadata, type", async () => {
    const { store } = await open()
    await store.put(text, { key: "one", backends: ["a"], metadata: { n: 1 } })
    const copy = await store.copy("one", "two", { backends: ["b"], metadata: { m: 2 }, mimeType: "image/png" })
    expect(copy).toMatchObject({ custom: { m: 2 }, mimeType: "image/png" })
    await store.synced("two")
    expect((await store.stat("two"))?.locations.map(({ backend, synced }) => [backend, synced])).toEqual([["b", true]])
  })

  test("a move leaves nothing behind, at the backends either", async () => {
    const { store, opened } = await open()
    const { id } = await store.put(text, { key: "one", durability: "all" })
    expect(await store.move("one", "folder/two")).toMatchObject({ id, key: "folder/two", isNew: true })
    expect([await store.has("one"), await store.get("folder/two")]).toEqual([false, text])
    await store.synced("folder/two")
    await store.idle()
    for (const name of ["a", "b"]) {
      const backend = await opened.services.backends.opened(name)
      expect([await backend.stat("one"), (await backend.stat("folder/two"))?.size]).toEqual([null, text.length])
    }
  })

  test("bytes that were dropped from staging are brought back before the only copies go", async () => {
    const { store, opened } = await open()
    const { id } = await store.put(text, { key: "one", durability: "all" })
    expect(await opened.services.staging.evict("all")).toMatchObject({ evicted: 1 })
    expect((await store.stat(id))?.staged).toBe(false)
    await store.move("one", "two")
    await store.synced("two")
    await store.idle()
    expect([await store.get("two"), await keysOf(store)]).toEqual([text, ["two"]])
  })

  test("what lies under the key is replaced, unless that is forbidden", async () => {
    const { store } = await open()
    await store.put(text, { key: "one" })
    const { version } = await store.put(Buffer.from("else"), { key: "two" })
    await expect(store.move("one", "two", { ifAbsent: true })).rejects.toMatchObject({ code: "CONFLICT" })
    await expect(store.move("one", "two", { ifVersion: version + 1 })).rejects.toMatchObject({ code: "CONFLICT" })
    await expect(store.copy("one", "two", { ifFromVersion: 9 })).rejects.toMatchObject({ code: "CONFLICT" })
    expect((await store.get("two")).toString()).toBe("else")
    expect(await store.move("one", "two", { ifVersion: version })).toMatchObject({ isNew: false, version: version + 1 })
    expect([await store.get("two"), await keysOf(store)]).toEqual([text, ["two"]])
  })

  test.each([
    ["absent", "two", "NOT_FOUND"],
    ["one", "one", "INVALID_INPUT"],
    ["one", "a//b", "INVALID_KEY"],
    ["../one", "two", "INVALID_KEY"],
  ])("from %s to %s is %s, and nothing has changed", async (from, to, code) => {
    const { store } = await open()
    await store.put(text, { key: "one" })
    await expect(store.move(from, to)).rejects.toMatchObject({ code })
    expect(await keysOf(store)).toEqual(["one"])
  })

  test("many deletes say of each what became of it", async () => {
    const { store } = await open()
    const { id } = await store.put(text, { key: "one" })
    await store.put(text, { key: "two" })
    await store.put(text, { key: "three" })
    const results = await store.deleteMany(["one", "absent", "two", "a//b"])
    expect(results).toMatchObject([
      { key: "one", id },
      { key: "absent", error: { code: "NOT_FOUND" } },
      { key: "two", id },
      { key: "a//b", error: { code: "INVALID_KEY" } },
    ])
    expect(await keysOf(store)).toEqual(["three"])
    const tooMany = Array.from({ length: 1_001 }, (_, index) => `k${index}`)
    await expect(store.deleteMany(tooMany)).rejects.toMatchObject({ code: "INVALID_INPUT" })
  })

  test("many copies and moves say of each what became of it, in their order", async () => {
    const { store } = await open()
    const { id } = await store.put(text, { key: "one", metadata: { n: 1 } })
    await store.put(text, { key: "two" })
    const copied = await Array.fromAsync(
      store.copyMany([
        { from: "one", to: "c/1" },
        { from: "absent", to: "c/2" },
        { from: "two", to: "two" },
        { from: "one", to: "two", ifAbsent: true },
        { from: "one", to: "c/3", metadata: { m: 2 } },
      ]),
    )
    expect(copied).toMatchObject([
      { from: "one", to: "c/1", id, size: text.length, version: 1, isNew: true },
      { from: "absent", to: "c/2", error: { code: "NOT_FOUND" } },
      { from: "two", to: "two", error: { code: "INVALID_INPUT" } },
      { from: "one", to: "two", error: { code: "CONFLICT" } },
      { from: "one", to: "c/3", id },
    ])
    expect((await store.stat("c/3"))?.custom).toEqual({ m: 2 })
    const pairs = Array.from({ length: 40 }, (_, index) => ({ from: "one", to: `m/${index}` }))
    const moved = await Array.fromAsync(store.moveMany([{ from: "two", to: "m/two" }, ...pairs.slice(0, 1)]))
    expect(moved).toMatchObject([
      { to: "m/two", id },
      { to: "m/0", id },
    ])
    expect(await keysOf(store)).toEqual(["c/1", "c/3", "m/0", "m/two"])
    const many = await Array.fromAsync(store.copyMany(pairs.map(({ to }) => ({ from: "c/1", to }))))
    expect(many.map(({ to }) => to)).toEqual(pairs.map(({ to }) => to))
    expect(many.filter((entry) => "error" in entry)).toEqual([])
  })

  test("what is no list of pairs, or too long, is refused, and an abort ends it", async () => {
    const { store } = await open()
    await store.put(text, { key: "one" })
    const all = async (pairs: unknown, options = {}) => Array.fromAsync(store.copyMany(pairs as [], options))
    const tooMany = Array.from({ length: 1_001 }, () => ({ from: "one", to: "two" }))
    for (const pairs of [tooMany, "one", [{ from: "one" }], [null]])
      await expect(all(pairs)).rejects.toMatchObject({ code: "INVALID_INPUT" })
    const aborted = all([{ from: "one", to: "two" }], { signal: AbortSignal.abort() })
    await expect(aborted).rejects.toMatchObject({ code: "ABORTED" })
    expect(await keysOf(store)).toEqual(["one"])
  })
}
