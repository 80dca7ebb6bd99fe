/** The writes of a batch over the rows below: seen by the batch, taken back commit by commit. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { MemoryEngine } from "../../src/catalog/memory.ts"
import { compareKeys } from "../../src/catalog/rows/order.ts"
import { Transaction } from "../../src/catalog/rows/transaction.ts"

const KEYS = ["", "a", "aa", "ab", "b", "\uffff", "\u{1f600}"].map((key) => `k${key}`)
const key = fc.constantFrom(...KEYS)
const step = fc.record({ key, value: fc.option(fc.nat(9)) })

/** A transaction over rows that hold `below`. */
async function begin(
  below: { key: string; value: number | null }[],
): Promise<{ transaction: Transaction; rows: Map<string, number> }> {
  const engine = new MemoryEngine()
  const rows = new Map<string, number>()
  await engine.write(() => below.map(({ key: each, value }) => ({ table: "tombstones", key: each, record: value })))
  apply(rows, below)
  return { transaction: new Transaction(engine), rows }
}

function apply(rows: Map<string, number>, steps: { key: string; value: number | null }[]): void {
  for (const { key: each, value } of steps) {
    if (value === null) rows.delete(each)
    else rows.set(each, value)
  }
}

function write(transaction: Transaction, steps: { key: string; value: number | null }[]): void {
  for (const { key: each, value } of steps) {
    if (value === null) transaction.remove("tombstones", each)
    else transaction.put("tombstones", each, value)
  }
}

const sorted = (rows: Map<string, number>) => [...rows].sort(([a], [b]) => compareKeys(a, b))

describe("a transaction", () => {
  it("reads what is below with its own writes over it, in any range", async () => {
    const range = fc.record({ prefix: key, after: key, before: key, limit: fc.nat(8) }, { requiredKeys: [] })
    await fc.assert(
      fc.asyncProperty(fc.array(step), fc.array(step), range, async (below, own, bounds) => {
        const { transaction, rows } = await begin(below)
        write(transaction, own)
        apply(rows, own)
        const expected = sorted(rows).filter(
          ([each]) =>
            each.startsWith(bounds.prefix ?? "") &&
            (bounds.after === undefined || compareKeys(each, bounds.after) > 0) &&
            (bounds.before === undefined || compareKeys(each, bounds.before) < 0),
        )
        expect([...transaction.range("tombstones", bounds)]).toEqual(expected.slice(0, bounds.limit))
        for (const each of KEYS) expect(transaction.get("tombstones", each)).toBe(rows.get(each) ?? null)
      }),
    )
  })

  it("takes back the writes of a commit that does not hold, and only those", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step), fc.array(step), fc.array(step), async (below, held, undone) => {
        const { transaction, rows } = await begin(below)
        write(transaction, held)
        transaction.keep()
        apply(rows, held)
        write(transaction, undone)
        transaction.undo()
        expect([...transaction.range("tombstones", {})]).toEqual(sorted(rows))
        const written = new Map(Array.from(transaction.writes(), (each) => [each.key, each.record]))
        expect(written).toEqual(new Map(held.map((each) => [each.key, each.value])))
      }),
    )
  })
})
