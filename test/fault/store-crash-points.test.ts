/** Rows 1 and 2: one put is killed before each of its system calls, a sample of them here; `npm run fault -- --points all` has them all. */
import { expect, test } from "vitest"
import { requireHost } from "../host-needs.ts"
import { tryCrashPoints } from "./store-crash-points.ts"

const MOST = 24

test("a put killed at any system call: acknowledged is readable, unacknowledged absent or whole", {
  timeout: 300_000,
}, async (context) => {
  await requireHost(context, "strace")
  const report = await tryCrashPoints({ most: MOST })
  expect(report.failures).toEqual([])
  expect(report.points).toBeGreaterThanOrEqual(MOST / 2)
  expect(report.killed).toBeGreaterThan(report.points / 2)
  expect(report.acknowledged).toBeLessThan(report.points)
})
