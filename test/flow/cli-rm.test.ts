/** `stored rm` of several: one request, and a word on each. */
import { describe, expect, it } from "vitest"
import { exitCode } from "../../src/cli/exit-code.ts"
import { StoredError } from "../../src/core/error.ts"
import { mapStore } from "../unit/map-store.ts"
import { parsed } from "./cli-folder.ts"
import { runLine } from "./cli-line.ts"

describe("rm", () => {
  it("takes several keys in one request, and tells of each; ids, and copies, one by one", async () => {
    const store = mapStore()
    for (const key of ["a", "b", "c", "d"]) await store.put(Buffer.from(`of ${key}`), { key })
    const { id } = (await store.stat("c"))!
    const calls: unknown[] = []
    const access = {
      ...store,
      delete: (name: string) => {
        calls.push(name)
        return store.delete(name)
      },
      deleteMany: (keys: readonly string[]) => {
        calls.push(keys)
        return store.deleteMany(keys)
      },
    }
    const said = await runLine(["rm", "a", "nothing", "b", id, "d"], { access })
    expect(calls).toEqual([["a", "nothing", "b"], id, "d"])
    expect(said).toEqual({
      code: 3,
      out: `removed a\nremoved b\nremoved ${id}\nremoved d\n`,
      err: expect.stringMatching(/^stored: nothing: .*\[NOT_FOUND\]\n$/),
    })
    calls.length = 0
    for (const key of ["a", "b"]) await store.put(Buffer.from("x"), { key })
    await runLine(["rm", "a", "b", "--backends", "a"], { access })
    expect(calls).toEqual(["a", "b"])
  })

  it("goes one by one where a token may not touch all of several", async () => {
    const store = mapStore()
    for (const key of ["mine/a", "mine/b"]) await store.put(Buffer.from("x"), { key })
    const refused = new StoredError("FORBIDDEN", "The token has no word on other/c.")
    const access = {
      ...store,
      delete: (name: string) => (name.startsWith("mine/") ? store.delete(name) : Promise.reject(refused)),
      deleteMany: () => Promise.reject(refused),
    }
    const said = await runLine(["rm", "mine/a", "other/c", "mine/b"], { access })
    expect(said).toEqual({
      code: exitCode(refused),
      out: "removed mine/a\nremoved mine/b\n",
      err: "stored: The token has no word on other/c. [FORBIDDEN]\n",
    })
  })

  it("has a line of JSON for each, and 500 keys a request at most", async () => {
    const store = mapStore()
    const keys = Array.from({ length: 501 }, (_, index) => `k${index}`)
    for (const key of keys) await store.put(Buffer.from("x"), { key })
    const sizes: number[] = []
    const deleteMany = (some: readonly string[]) => {
      sizes.push(some.length)
      return store.deleteMany(some)
    }
    const said = await runLine(["--json", "rm", ...keys, "nothing"], { access: { ...store, deleteMany } })
    expect(sizes).toEqual([500, 2])
    expect(said.code).toBe(3)
    expect(parsed(said.out).map(({ name }) => name)).toEqual(keys)
    expect(parsed(said.err)).toMatchObject([{ code: "NOT_FOUND" }])
  })
})
