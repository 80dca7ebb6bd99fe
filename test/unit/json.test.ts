/** Custom metadata: what is JSON, what is not, and that the caller cannot reach in afterwards. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { MAX_METADATA_BYTES, parseMetadata } from "../../src/core/json.ts"

const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })

describe("parseMetadata", () => {
  it("takes every JSON object, as a copy that is equal", () => {
    const names = fc.string().filter((name) => !["__proto__", "constructor", "prototype"].includes(name))
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom(null, true, false, 0, -1.5, 1e300),
        fc.string(),
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(names, tie("tree"), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(fc.dictionary(names, tree, { maxKeys: 4 }), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value))
        expect(parseMetadata(value)).toEqual(plain)
        expect(JSON.parse(JSON.stringify(parseMetadata(plain)))).toEqual(plain)
      }),
    )
  })

  it("copies deeply", () => {
    const value = { tags: ["a"], camera: { make: "x" } }
    const copy = parseMetadata(value)
    value.tags.push("b")
    value.camera.make = "y"
    expect(copy).toEqual({ tags: ["a"], camera: { make: "x" } })
  })

  it("is an empty object where there is none", () => {
    expect(parseMetadata(undefined)).toEqual({})
    expect(parseMetadata(Object.create(null))).toEqual({})
  })

  const circle: Record<string, unknown> = {}
  circle.self = circle
  // biome-ignore lint/suspicious/noSparseArray: a hole is what must be refused
  const sparse = [1, , 2]
  it.each<[string, unknown, RegExp]>([
    ["null", null, /must be a JSON object/],
    ["an array", [], /must be a JSON object/],
    ["text", "a", /must be a JSON object/],
    ["a date", new Date(0), /must be a JSON object/],
    ["a map", new Map(), /must be a JSON object/],
    ["a function within", { a: () => 1 }, /metadata\.a is a function/],
    ["undefined within", { a: undefined }, /metadata\.a is undefined/],
    ["a bigint within", { a: [1n] }, /metadata\.a\[0\] is a bigint/],
    ["a symbol within", { a: Symbol("x") }, /symbol/],
    ["NaN", { a: Number.NaN }, /NaN/],
    ["infinity", { a: -Infinity }, /-Infinity/],
    ["a date within", { a: new Date(0) }, /metadata\.a is not a plain object/],
    ["a Buffer within", { a: Buffer.from("x") }, /not a plain object/],
    ["a hole", { a: sparse }, /metadata\.a\[1\] is undefined/],
    ["a circle", circle, /refers to itself/],
    ["too deep", nested(33), /deeper than 32/],
    ["a lone surrogate", { a: "\ud800" }, /Unicode/],
    ["a lone surrogate in a name", { "\ud800": 1 }, /Unicode/],
    ["__proto__", JSON.parse('{"__proto__": {"admin": true}}'), /"__proto__" is not allowed/],
    ["constructor, deep down", { a: [{ constructor: 1 }] }, /"constructor" is not allowed/],
    ["prototype", { prototype: 1 }, /"prototype" is not allowed/],
    ["more than 64 KiB", { a: "x".repeat(MAX_METADATA_BYTES) }, /at most 65536/],
    ["more than 64 KiB by its bytes", { a: "ü".repeat(MAX_METADATA_BYTES / 2) }, /at most 65536/],
  ])("refuses %s", (_, value, sentence) => {
    expect(() => parseMetadata(value)).toThrow(
      expect.objectContaining({ code: "INVALID_METADATA", message: expect.stringMatching(sentence) }),
    )
  })

  it("takes the same object twice, and exactly 64 KiB", () => {
    const shared = { x: 1 }
    expect(parseMetadata({ a: shared, b: shared })).toEqual({ a: { x: 1 }, b: { x: 1 } })
    const overhead = JSON.stringify({ a: "" }).length
    expect(parseMetadata({ a: "x".repeat(MAX_METADATA_BYTES - overhead) }).a).toHaveLength(
      MAX_METADATA_BYTES - overhead,
    )
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
  })

  it("does not copy megabytes before it refuses them", () => {
    let read = 0
    const huge = Array.from({ length: 1000 }, () => "x".repeat(1000))
    const watched = new Proxy(huge, {
      get: (target, name, receiver) => {
        read += 1
        return Reflect.get(target, name, receiver)
      },
    })
    expect(() => parseMetadata({ huge: watched })).toThrow(expect.objectContaining({ code: "INVALID_METADATA" }))
    expect(read).toBeLessThan(5000)
  })
})
