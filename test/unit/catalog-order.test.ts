/** Keys are ordered by their UTF-8 bytes, everywhere. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { dueKey, numberKey, parseNumberKey, splitDueKey } from "../../src/catalog/rows/key.ts"
import { compareKeys, successor } from "../../src/catalog/rows/order.ts"
import { isBeyond, rangeStart } from "../../src/catalog/rows/range.ts"

const text = fc.string({ unit: "binary" })
const bytewise = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

describe("order of keys", () => {
  it("is that of their bytes", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(bytewise(a, b))
      }),
    )
    expect(compareKeys("\uffff", "\u{10000}")).toBeLessThan(0)
  })

  it("has nothing between a key and its successor", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        fc.pre(a !== b)
        expect(compareKeys(b, a) > 0).toBe(compareKeys(b, successor(a)) >= 0)
      }),
    )
  })

  it("of numbers is that of their keys", () => {
    const number = fc.maxSafeNat()
    fc.assert(
      fc.property(number, number, (a, b) => {
        expect(Math.sign(compareKeys(numberKey(a), numberKey(b)))).toBe(Math.sign(a - b))
        expect(parseNumberKey(numberKey(a))).toBe(a)
      }),
    )
    expect(numberKey(Number.POSITIVE_INFINITY)).toBe(numberKey(Number.MAX_SAFE_INTEGER))
    expect(numberKey(-1)).toBe(numberKey(0))
    expect(numberKey(1.9)).toBe(numberKey(1))
  })

  it("of due rows is by queue, time and sequence", () => {
    const row = fc.record({
      queue: fc.constantFrom("checksum", "sync-a", "sync-a-b"),
      dueAt: fc.maxSafeNat(),
      sequence: fc.maxSafeNat(),
    })
    fc.assert(
      fc.property(row, (each) => {
        expect(splitDueKey(dueKey(each.queue, each.dueAt, each.sequence))).toEqual(each)
      }),
    )
  })
})

describe("a range", () => {
  it("holds just the keys that its bounds allow", () => {
    const key = fc.string({ unit: fc.constantFrom("a", "b", "/", "\u{1f600}", "\uffff"), maxLength: 4 })
    const range = fc.record({ prefix: key, after: key, before: key }, { requiredKeys: [] })
    fc.assert(
      fc.property(range, fc.uniqueArray(key), (bounds, keys) => {
        const start = rangeStart(bounds)
        const sorted = keys.sort(compareKeys).filter((each) => compareKeys(each, start) >= 0)
        const end = sorted.findIndex((each) => isBeyond(each, bounds))
        const { prefix = "", after, before } = bounds
        const expected = keys.filter(
          (each) =>
            each.startsWith(prefix) &&
            (after === undefined || compareKeys(each, after) > 0) &&
            (before === undefined || compareKeys(each, before) < 0),
        )
        expect(end < 0 ? sorted : sorted.slice(0, end)).toEqual(expected.sort(compareKeys))
      }),
    )
  })
})
