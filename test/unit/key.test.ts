/** Keys, prefixes and names of backends: what is taken, and the sentence for what is not. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { StoredError } from "../../src/core/error.ts"
import { keyFault, MAX_KEY_BYTES, parseBackendName, parseKey, parsePrefix } from "../../src/core/key.ts"

describe("parseKey", () => {
  it.each([
    "a",
    "photos/holiday.png",
    "...",
    ".hidden/..two/three..",
    "a b/ü/日本/😀",
    "e\u0301",
    "C:\\windows",
    "x".repeat(MAX_KEY_BYTES),
    "ü".repeat(MAX_KEY_BYTES / 2),
    "sha256:abc",
    "blobs/sha256/ab/cd/abcd",
    "__proto__",
  ])("takes %j", (key) => {
    expect(parseKey(key)).toBe(key)
  })

  it.each<[unknown, RegExp]>([
    ["", /empty; give at least one/],
    ["/a", /starts with a slash/],
    ["a/", /empty segment/],
    ["a//b", /empty segment/],
    [".", /cannot climb/],
    ["..", /cannot climb/],
    ["a/../b", /cannot climb/],
    ["a/.", /cannot climb/],
    ["../a", /cannot climb/],
    ["a\0b", /control character/],
    ["a\nb", /control character/],
    ["a\u007f", /control character/],
    ["a\u0085", /control character/],
    ["\ud800", /lone surrogate/],
    ["x".repeat(MAX_KEY_BYTES + 1), /1025 bytes; at most 1024/],
    ["ü".repeat(513), /1026 bytes/],
    ["日".repeat(342), /1026 bytes/],
    [`sha256:${"0".repeat(64)}`, /looks like a checksum/],
    [`md5:${"a".repeat(32)}`, /looks like a checksum/],
    [5, /a key is a string/],
    [null, /a key is a string/],
  ])("refuses %j", (key, sentence) => {
    expect(() => parseKey(key)).toThrow(expect.objectContaining({ code: "INVALID_KEY" }))
    expect(keyFault(key)).toMatch(sentence)
  })

  it("takes only keys that stay below a root and survive UTF-8", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 12 }),
      fc.array(fc.constantFrom("a", "/", ".", "..", "\u0000", "ü"), { maxLength: 6 }).map((parts) => parts.join("")),
    )
    fc.assert(
      fc.property(text, (key) => {
        if (keyFault(key) !== null) return
        expect(Buffer.from(key).toString()).toBe(key)
        expect(new URL(`file:///root/${key.split("/").map(encodeURIComponent).join("/")}`).pathname).toMatch(
          /^\/root\/./,
        )
        expect(key.split("/").every((segment) => !["", ".", ".."].includes(segment))).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

describe("parsePrefix", () => {
  it.each([undefined, "", "a", "a/", "a/b/", "/", "..", "ü"])("takes %j", (prefix) => {
    expect(parsePrefix(prefix)).toBe(prefix ?? "")
  })

  it.each([5, null, "a\0", "\udc00", "x".repeat(1025)])("refuses %j", (prefix) => {
    expect(() => parsePrefix(prefix)).toThrow(expect.objectContaining({ code: "INVALID_KEY" }))
  })
})

describe("parseBackendName", () => {
  it.each(["local", "s3-prod", "A.b_c-1", "0", "x".repeat(63)])("takes %j", (name) => {
    expect(parseBackendName(name)).toBe(name)
  })

  it.each(["", "-a", ".a", "a:b", "a/b", "a b", "ü", "x".repeat(64), "a\n", 5, undefined, null])(
    "refuses %j",
    (name) => {
      expect(() => parseBackendName(name)).toThrow(StoredError)
      expect(() => parseBackendName(name)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }))
    },
  )
})
