/** What a scan has left to be read is told from what came after it. */
import { expect, it } from "vitest"
import { Owed } from "../../src/store/scan/owed.ts"

it("all is known once what waited first has been read, whatever waits since", () => {
  const owed = new Owed()
  expect(owed.settle(1, new Set(["a", "b"]))).toBe(false)
  expect(owed.settle(1, new Set(["b", "later"]))).toBe(false)
  // One that was read, and is written to again.
  expect(owed.settle(1, new Set(["a", "b"]))).toBe(false)
  expect(owed.settle(1, new Set(["a", "later"]))).toBe(true)
})

it("each scan has its own, and one that has nothing is known at once", () => {
  const owed = new Owed()
  expect(owed.settle(1, new Set(["a"]))).toBe(false)
  expect(owed.settle(2, new Set())).toBe(true)
  expect(owed.settle(3, new Set(["b"]))).toBe(false)
})
