/** When audits are due: once in a while, not all at once, and not in the first moments of a process. */
import { expect, it } from "vitest"
import { isAuditDue } from "../../src/store/scan/audit-time.ts"

const DAY = 86_400_000
const MINUTE = 60_000
const T0 = Date.UTC(2026, 0, 1)
const NAMES = Array.from({ length: 200 }, (_, index) => `backend-${index}`)

function dueOf(name: string, facts: Partial<Parameters<typeof isAuditDue>[0]>): boolean {
  return isAuditDue({ name, started: T0, created: 0, begun: T0, now: T0, every: DAY, ...facts })
}

it("no backend is due before its time, every one is soon after it, and they are spread", () => {
  const due = (now: number) => NAMES.filter((name) => dueOf(name, { now })).length
  expect(due(T0 + DAY - 1)).toBe(0)
  expect(due(T0 + DAY * 1.1)).toBe(NAMES.length)
  const half = due(T0 + DAY * 1.05)
  expect(half).toBeGreaterThan(NAMES.length / 4)
  expect(half).toBeLessThan((NAMES.length * 3) / 4)
})

it("one that was never looked at is as old as the backend", () => {
  const now = T0 + DAY * 1.1
  expect(dueOf("a", { started: 0, created: T0, now })).toBe(true)
  expect(dueOf("a", { started: 0, created: T0 + DAY, now })).toBe(false)
})

it("a process that has only just begun leaves it for a while", () => {
  const now = T0 + 100 * DAY
  expect(NAMES.filter((name) => dueOf(name, { begun: now - MINUTE + 1, now }))).toEqual([])
  expect(NAMES.filter((name) => dueOf(name, { begun: now - 10 * MINUTE, now }))).toEqual(NAMES)
})

it("is the same for a name at every time it is asked", () => {
  const now = T0 + DAY * 1.05
  for (const name of NAMES) expect(dueOf(name, { now })).toBe(dueOf(name, { now }))
})
