/** The starts that a rate limit allows: never too many in any stretch of time, never fewer than it may. */
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Breaker } from "../../queues/breaker.ts"
import { Gate } from "../../queues/gate.ts"
import { Starts } from "../../queues/starts.ts"

describe("starts under a rate limit", () => {
  test("so many at once, then none until the first of them is over", () => {
    const starts = new Starts({ max: 2, per: 1_000 })
    expect(starts.admit(5, 0)).toBe(2)
    starts.started(0)
    starts.started(400)
    expect([starts.admit(5, 999), starts.admit(5, 1_000), starts.admit(5, 1_400)]).toEqual([0, 1, 2])
    expect([starts.opensAt(1, 500), starts.opensAt(2, 500), starts.opensAt(3, 500)]).toEqual([1_000, 1_400, Infinity])
  })

  test("a clock that was set back holds nothing up", () => {
    const starts = new Starts({ max: 1, per: 1_000 })
    starts.started(86_400_000)
    expect(starts.opensAt(1, 5)).toBe(5)
    expect(starts.admit(1, 5)).toBe(1)
  })

  test("no stretch of time has more, and whoever asks when it opens is let in", () => {
    const steps = fc.array(fc.nat({ max: 700 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 1_000 }), steps, (max, per, pauses) => {
        const starts = new Starts({ max, per })
        const times: number[] = []
        let now = 0
        for (const pause of pauses) {
          now += pause
          const running = times.filter((time) => time > now - per).length
          expect(starts.admit(1_000, now)).toBe(max - running)
          if (running === max) {
            const opens = starts.opensAt(1, now)
            expect([starts.admit(1, opens - 1), starts.admit(1, opens)]).toEqual([0, 1])
          } else {
            starts.started(now)
            times.push(now)
          }
        }
      }),
    )
  })
})

describe("a gate", () => {
  const breaker = () => new Breaker({ threshold: 1, pause: 1_000, maxPause: 1_000 }, () => {})

  test("lets nobody in while it is paused, and says that time alone does not open it", () => {
    const gate = new Gate({ breaker: breaker(), rateLimit: null, paused: true })
    expect([gate.admit(3, 0), gate.opensAt(1, 0)]).toEqual([0, Infinity])
    gate.resume()
    expect([gate.admit(3, 0), gate.opensAt(1, 0)]).toEqual([3, 0])
    gate.pause()
    expect(gate.isPaused).toBe(true)
    expect(gate.admit(3, 0)).toBe(0)
  })

  test("opens once both the breaker and the rate limit do", () => {
    const rests = breaker()
    const gate = new Gate({ breaker: rests, rateLimit: { max: 1, per: 5_000 }, paused: false })
    gate.started(0)
    rests.faulted(0, "one")
    rests.faulted(0, "other")
    expect(gate.opensAt(1, 0)).toBe(5_000)
    expect(rests.state).toBe("open")
    expect([gate.admit(9, 2_000), rests.state]).toEqual([0, "open"])
    expect([gate.admit(9, 5_000), rests.state]).toEqual([1, "half-open"])
  })
})
