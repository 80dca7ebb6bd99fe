/** The fields of a row in bytes: whatever JSON can say comes back as JSON would have given it back. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Packer } from "../../src/catalog/encoding/pack.ts"
import { unpack } from "../../src/catalog/encoding/unpack.ts"
import { WORDS } from "../../src/catalog/encoding/words.ts"

function thereAndBack(value: unknown): unknown {
  const packer = new Packer()
  packer.at = 5
  packer.value(value)
  const result = unpack(Buffer.from(packer.bytes.subarray(0, packer.at)), 5)
  // A value that follows begins where this one ends.
  packer.value("behind")
  return result
}

const DIGEST = "d38dfa41955bd488a37c98221a3236928b0332a8eff1867828dfe478f0b5843f"

describe("packed fields", () => {
  it.each([
    [[0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1_795_269_332_974, 2 ** 48 - 1]],
    [[2 ** 48, Number.MAX_SAFE_INTEGER, -1, 0.5, 1e300, -(2 ** 40)]],
    [[null, true, false, "", {}, [], [[[]]], { a: { b: [1] } }]],
    [[DIGEST, `sha256:${DIGEST}`, `blake3:${DIGEST}`, `sha1:${DIGEST}`, DIGEST.toUpperCase(), `${DIGEST}0`]],
    [
      [
        "é",
        "ÿ",
        "Ā",
        "名前",
        "🙂",
        "\u0000",
        "a".repeat(254),
        "a".repeat(255),
        "é".repeat(70_000),
        "🙂".repeat(70_000),
      ],
    ],
    [["\ud800", "a\udc00b", { "\ud800": 1 }]],
    [Array.from({ length: 300 }, (_, index) => index)],
    [Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`name ${index}`, index]))],
  ])("come back the same: %#", (value) => {
    expect(thereAndBack(value)).toEqual(value)
  })

  it("come back in order, name by name", () => {
    const value = { z: 1, a: 2, checksum: 3, sha256: DIGEST }
    expect(JSON.stringify(thereAndBack(value))).toBe(JSON.stringify(value))
  })

  it("hold a __proto__ without acting on it, at any depth", () => {
    const value: unknown = JSON.parse('{"a":[{"__proto__":{"polluted":true},"constructor":1}]}')
    const back = thereAndBack(value)
    expect(JSON.stringify(back)).toBe(JSON.stringify(value))
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it("leave out what JSON leaves out", () => {
    expect(thereAndBack({ a: undefined, b: [undefined, Number.NaN] })).toEqual({ b: [null, null] })
    expect(thereAndBack(new Date(0))).toBe("1970-01-01T00:00:00.000Z")
  })

  it("are what JSON would give, for any value", () => {
    const strings = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...WORDS, DIGEST, `sha256:${DIGEST}`))
    const value = fc.anything({
      key: strings,
      values: [strings, fc.maxSafeInteger(), fc.double(), fc.boolean(), fc.constant(null)],
      maxDepth: 4,
    })
    fc.assert(
      fc.property(value, (given) => {
        const text = JSON.stringify(given) ?? "null"
        expect(JSON.stringify(thereAndBack(given))).toBe(text)
      }),
      { numRuns: 2000 },
    )
  })
})

describe("the words", () => {
  it("keep their places, because rows on disk name them by these", () => {
    expect(WORDS.length).toBeLessThanOrEqual(256)
    expect(new Set(WORDS).size).toBe(WORDS.length)
    expect([WORDS[0], WORDS[1], WORDS[7], WORDS[13], WORDS[22], WORDS[33], WORDS[69]]).toEqual([
      "",
      "sha256",
      "ACTIVE",
      "synced",
      "application/octet-stream",
      "image/jpeg",
      "backends",
    ])
  })
})
