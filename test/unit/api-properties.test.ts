/** Properties of the small parsers of the HTTP door: whatever comes in, they give back what went in or refuse it in our words. */
import fc from "fast-check"
import { expect, it } from "vitest"
import { parseRange } from "../../src/api/byte-range.ts"
import { readCursor, writeCursor } from "../../src/api/cursor.ts"
import { mergeChecksums, parseDigestField, reprDigest } from "../../src/api/digest.ts"
import { encodePathName, pathName } from "../../src/api/path-name.ts"
import { isStoredError } from "../../src/core/error.ts"
import { keyFault } from "../../src/core/key.ts"

const RUNS = { numRuns: 2_000 }
const key = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter((text) => keyFault(text) === null)

/** The result, or null where it was refused by a StoredError; anything else is a fault. */
function refusable<Result>(work: () => Result): Result | null {
  try {
    return work()
  } catch (error) {
    if (isStoredError(error)) return null
    throw error
  }
}

it("a key goes through a path and a cursor and comes out the same", () => {
  fc.assert(
    fc.property(key, fc.constantFrom("", "?a=b", "?x=%2F?"), (name, query) => {
      expect(pathName(`/v1/objects/${encodePathName(name)}${query}`, "/v1/objects/")).toBe(name)
      expect(pathName(`http://x:1/v1/objects/${encodeURIComponent(name)}${query}`, "/v1/objects/")).toBe(name)
      expect(readCursor(writeCursor(name))).toBe(name)
    }),
    RUNS,
  )
})

it("any text as a path, cursor or digest is taken or refused, never a fault", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
      refusable(() => pathName(`/v1/objects/${text}`, "/v1/objects/"))
      const read = refusable(() => readCursor(text))
      if (read !== null) expect(writeCursor(read)).toBe(text)
      refusable(() => parseDigestField("Content-Digest", text))
    }),
    RUNS,
  )
})

it("a range is what the RFC says, inside the bytes that there are", () => {
  const number = fc.option(fc.nat({ max: 40 }), { nil: undefined })
  fc.assert(
    fc.property(fc.nat({ max: 30 }), number, number, (size, first, last) => {
      const bytes = Array.from({ length: size }, (_, index) => index)
      const header = `bytes=${first ?? ""}-${last ?? ""}`
      const range = refusable(() => parseRange(header, size) ?? "whole")
      if ((first === undefined && last === undefined) || (first !== undefined && last !== undefined && last < first)) {
        expect(range).toBe("whole")
        return
      }
      const wanted =
        first === undefined
          ? bytes.slice(Math.max(0, size - last!))
          : bytes.slice(first, last === undefined ? size : last + 1)
      expect(range).toEqual(wanted.length === 0 ? null : { start: wanted[0], end: wanted.at(-1)! + 1 })
    }),
    RUNS,
  )
})

it("a digest that is served is a digest that is understood", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
      const sha256 = Buffer.from(bytes).toString("hex")
      const parsed = parseDigestField("Repr-Digest", reprDigest({ sha256 })!)
      expect(mergeChecksums([parsed, { sha256 }])).toEqual({ sha256 })
    }),
    RUNS,
  )
})
