import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { DEFAULT_RETRY_POLICY, type RetryPolicy, retryDelay } from "../../queues/retry-policy.ts"

const policy: RetryPolicy = { maxAttempts: 5, baseDelay: 1_000, maxDelay: 300_000, reviveAfter: 1 }

describe("retry policy", () => {
  test("doubles from the base delay, with jitter of a fifth either way", () => {
    expect([1, 2, 3, 4].map((failures) => retryDelay(policy, failures, 0.5))).toEqual([1_000, 2_000, 4_000, 8_000])
    expect(retryDelay(policy, 1, 0)).toBe(800)
    expect(retryDelay(policy, 1, 0.999999)).toBe(1_200)
  })

  test("gives up with the last allowed try", () => {
    expect(retryDelay(policy, 5, 0.5)).toBeNull()
    expect(retryDelay(policy, 6, 0.5)).toBeNull()
  })

  test("never waits longer than the cap with its jitter, nor less than the base with its jitter", () => {
    const endless = { ...policy, maxAttempts: Number.MAX_SAFE_INTEGER }
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1e6 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (failures, random) => {
          const delay = retryDelay(endless, failures, random)!
          return delay >= 800 && delay <= 360_000
        },
      ),
    )
  })

  test("grows with the failures for the same luck", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.double({ min: 0, max: 0.99, noNaN: true }), (failures, random) => {
        return retryDelay(policy, failures + 1, random)! >= retryDelay(policy, failures, random)!
      }),
    )
  })

  test("the default never drops: what is given up is tried again within the hour", () => {
    expect(DEFAULT_RETRY_POLICY.reviveAfter).toBeLessThanOrEqual(3_600_000)
  })
})
