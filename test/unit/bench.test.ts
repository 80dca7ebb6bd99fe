/** The benchmark's arithmetic: a wrong median or ratio would make every figure a lie. */
import { tmpdir } from "node:os"
import { describe, expect, test } from "vitest"
import { type Contender, inFlight, interleave, type Measured, median, ratio } from "../../bench/measure.ts"
import { isMet } from "../../bench/subject.ts"
import { formatSection, formatVerdict } from "../../bench/table.ts"

function line(name: string, rates: number[]): Measured {
  return { name, unit: "puts/s", rates }
}

describe("median", () => {
  test("is the middle one, or the mean of the two in the middle, of numbers in numeric order", () => {
    expect(median([100, 9, 20])).toBe(20)
    expect(median([4, 100, 9, 20])).toBe(14.5)
  })

  test("refuses nothing at all", () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

test("a ratio pairs the rounds, so that a machine that slows down does not move it", () => {
  const measured = [line("ours", [200, 100, 20]), line("peer", [100, 50, 10])]
  expect(ratio(measured, "ours", "peer")).toBe(2)
  expect(() => ratio(measured, "ours", "nobody")).toThrow("nobody")
})

test("rounds are interleaved, begin with another one each time, and the warm-up does not count", async () => {
  const order: string[] = []
  const contender = (name: string): Contender => ({
    name,
    unit: "puts/s",
    run: async (round) => {
      order.push(`${name}${round}`)
      return { rate: round, also: { [`${name} more`]: round * 10 } }
    },
  })
  const measured = await interleave([contender("a"), contender("b")], { rounds: 2, directory: tmpdir() })
  expect(order).toEqual(["a0", "b0", "b1", "a1", "a2", "b2"])
  expect(measured.map(({ name, rates }) => [name, ...rates])).toEqual([
    ["a", 1, 2],
    ["a more", 10, 20],
    ["b", 1, 2],
    ["b more", 10, 20],
  ])
})

test("as many as asked for are in flight, each index once, and a failure comes out", async () => {
  let running = 0
  let most = 0
  const seen: number[] = []
  await inFlight(3, 10, async (index) => {
    running += 1
    most = Math.max(most, running)
    await new Promise((resume) => setImmediate(resume))
    seen.push(index)
    running -= 1
  })
  expect(most).toBe(3)
  expect(seen.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  await expect(
    inFlight(2, 5, (index) => (index === 3 ? Promise.reject(new Error("no")) : Promise.resolve())),
  ).rejects.toThrow("no")
})

test("goals are met or missed in their own direction, and the report says so", () => {
  const claims = [
    { text: "fast enough", value: 1.5, unit: "×" as const, goal: { atLeast: 1.5 } },
    { text: "too slow", value: 3.01, unit: "×" as const, goal: { atMost: 3 } },
    { text: "only told", value: 0.1, unit: "×" as const },
  ]
  expect(claims.map(isMet)).toEqual([true, false, true])
  const section = { title: "subject", measured: [line("ours", [1234, 5678])], claims }
  const text = formatSection(section)
  expect(text).toMatch(/\| ours +\| +3,456 \| puts\/s +\|/)
  expect(text).toMatch(/\| too slow +\| +3\.01 × \| ≤ 3 × +\| MISSED \|/)
  expect(formatVerdict([section])).toBe("1 of 2 goals met; missed: too slow")
})
