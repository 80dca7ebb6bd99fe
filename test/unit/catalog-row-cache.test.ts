/** The cache of rows: bounded, keeps what is used, takes no notice of what is read once, forgets what changed. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { describe, expect, it } from "vitest"
import { RowCache } from "../../src/catalog/lmdb/row-cache.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

/** Bytes of a row of which five fit into a table. */
const LARGE = 200 * 1024

/** Keeps a row that has been asked for twice. */
function keep(cache: RowCache, key: string, row: number, bytes = LARGE): void {
  cache.keep("generations", key, row, bytes, row)
  cache.keep("generations", key, row, bytes, row)
}

describe("row cache", () => {
  it("keeps what is used again and lets the rest go", () => {
    const cache = new RowCache(["generations"])
    keep(cache, "used", 1)
    keep(cache, "unused", 2)
    for (let index = 10; index < 50; index += 1) {
      keep(cache, `other ${index}`, index)
      expect(cache.get("generations", "used")).toBe(1)
    }
    expect(cache.get("generations", "unused")).toBeUndefined()
    const kept = Array.from({ length: 40 }, (_, index) => cache.get("generations", `other ${index + 10}`)).filter(
      (row) => row !== undefined,
    )
    expect(kept.length).toBeGreaterThan(1)
    expect(kept.length).toBeLessThan(8)
  })

  it("takes everything while there is plenty of room, then only what is asked for again", () => {
    const cache = new RowCache(["generations"])
    for (let index = 1; index <= 20; index += 1) cache.keep("generations", `once ${index}`, index, LARGE, index)
    expect(cache.get("generations", "once 1")).toBe(1)
    expect(cache.get("generations", "once 20")).toBeUndefined()
    cache.keep("generations", "once 20", 20, LARGE, 20)
    expect(cache.get("generations", "once 20")).toBe(20)
  })

  it("counts the bytes of a row once, however often it is kept and dropped", () => {
    const cache = new RowCache(["generations"])
    for (let times = 0; times < 100; times += 1) keep(cache, "a", 1)
    keep(cache, "b", 2)
    for (let times = 0; times < 100; times += 1) {
      cache.drop("generations", "a")
      keep(cache, "a", 1)
    }
    expect(["a", "b"].map((key) => cache.get("generations", key))).toEqual([1, 2])
  })

  it("forgets a row, and everything", () => {
    const cache = new RowCache(["generations"])
    for (const [index, key] of ["a", "b", "c"].entries()) keep(cache, key, index + 1)
    cache.drop("generations", "a")
    cache.drop("generations", "c")
    expect(["a", "b", "c"].map((key) => cache.get("generations", key))).toEqual([undefined, 2, undefined])
    cache.clear()
    expect(cache.get("generations", "b")).toBeUndefined()
  })

  it("lets go of what was dropped, though it never was full", async () => {
    const cache = new RowCache(["backends"])
    const row = (name: string) => ({ name, driver: "fs", config: {}, created: 1 })
    const rows = [..."abcdefgh"].map((name) => {
      const record = row(name)
      cache.keep("backends", name, record, 1, 1)
      return new WeakRef(record)
    })
    for (const name of "abcdefgh") cache.drop("backends", name)
    for (let index = 0; index < 10_000; index += 1) {
      cache.keep("backends", `k${index}`, row("x"), 1, index)
      cache.drop("backends", `k${index}`)
    }
    await new Promise((resume) => setImmediate(resume))
    collectGarbage()
    expect(rows.filter((each) => each.deref() !== undefined)).toEqual([])
    expect(cache.get("backends", "a")).toBeUndefined()
  })

  it("keeps only the tables that it was told of, and freezes what lies in their rows", () => {
    const cache = new RowCache(["backends"])
    cache.keep("tombstones", "a", 1, 1, 1)
    expect(cache.get("tombstones", "a")).toBeUndefined()
    cache.keep("backends", "x", { name: "x", driver: "fs", config: { list: [{ deep: 1 }] }, created: 1 }, 1, 1)
    const config = cache.get("backends", "x")?.config as { list: { deep: number }[] }
    expect(() => Object.assign(config.list[0]!, { deep: 2 })).toThrow(TypeError)
  })
})
