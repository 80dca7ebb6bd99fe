/** `delete`: the object at once, its copies in the background, single copies never below what is wanted. */
import { expect, test } from "vitest"
import { keysOf, type OpenFace, text } from "./harness.ts"

export function deleteCases(open: OpenFace): void {
  test("the object is gone at once, every copy soon, and the staged bytes with it", async () => {
    const { store, opened } = await open()
    const { id } = await store.put(text, { key: "k", durability: "all" })
    const result = await store.delete("k")
    expect(result).toEqual({ id, deleted: ["a", "b"], removed: ["a", "b"], pending: [], failed: [] })
    expect(await store.stat("k")).toBeNull()
    await store.idle()
    for (const name of ["a", "b"]) {
      const backend = await opened.services.backends.opened(name)
      expect(await backend.stat("k")).toBeNull()
    }
    await opened.services.staging.evict("all")
    expect(await Array.fromAsync(opened.services.staging.list())).toEqual([])
    expect(await store.stat(id)).toBeNull()
  })

  test("versions of a key go on after its delete", async () => {
    const { store } = await open()
    await store.put(text, { key: "k" })
    await store.delete("k")
    expect((await store.put(text, { key: "k" })).version).toBeGreaterThan(1)
  })

  test("by id it takes every key that names the blob; other blobs stay", async () => {
    const { store } = await open()
    const { id } = await store.put(text, { key: "one" })
    await store.put(text, { key: "two" })
    await store.put(Buffer.from("else"), { key: "three" })
    await store.delete(id)
    expect(await keysOf(store)).toEqual(["three"])
  })

  test("of what is not there is NOT_FOUND", async () => {
    const { store } = await open()
    await expect(store.delete("k")).rejects.toMatchObject({ code: "NOT_FOUND" })
  })
}
