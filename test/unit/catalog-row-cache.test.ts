/** The cache of rows: bounded, keeps what is used, forgets what changed. */
import { describe, expect, it } from "vitest"
import { RowCache } from "../../src/catalog/lmdb/row-cache.ts"

const MIB = 2 ** 20

describe("row cache", () => {
  it("keeps what is used again and lets the rest go", () => {
    const cache = new RowCache(["generations"])
    cache.keep("generations", "used", 1, MIB)
    cache.keep("generations", "unused", 2, MIB)
    for (let index = 0; index < 40; index += 1) {
      cache.keep("generations", `other ${index}`, index, MIB)
      expect(cache.get("generations", "used")).toBe(1)
    }
    expect(cache.get("generations", "unused")).toBeUndefined()
    const kept = Array.from({ length: 40 }, (_, index) => cache.get("generations", `other ${index}`)).filter(
      (row) => row !== undefined,
    )
    expect(kept.length).toBeGreaterThan(1)
    expect(kept.length).toBeLessThan(10)
  })

  it("forgets a row in both generations, and everything", () => {
    const cache = new RowCache(["generations"])
    cache.keep("generations", "a", 1, 3 * MIB)
    cache.keep("generations", "b", 2, 2 * MIB)
    cache.keep("generations", "c", 3, 1)
    cache.drop("generations", "a")
    cache.drop("generations", "c")
    expect(["a", "b", "c"].map((key) => cache.get("generations", key))).toEqual([undefined, 2, undefined])
    cache.clear()
    expect(cache.get("generations", "b")).toBeUndefined()
  })

  it("keeps only the tables that it was told of, and freezes what lies in their rows", () => {
    const cache = new RowCache(["backends"])
    cache.keep("tombstones", "a", 1, 1)
    expect(cache.get("tombstones", "a")).toBeUndefined()
    cache.keep("backends", "x", { name: "x", driver: "fs", config: { list: [{ deep: 1 }] }, created: 1 }, 1)
    const config = cache.get("backends", "x")?.config as { list: { deep: number }[] }
    expect(() => Object.assign(config.list[0]!, { deep: 2 })).toThrow(TypeError)
  })
})
