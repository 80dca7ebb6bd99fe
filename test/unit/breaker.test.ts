import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Breaker, type BreakerState } from "../../queues/breaker.ts"

const options = { threshold: 3, pause: 1_000, maxPause: 8_000 }

function make() {
  const moves: BreakerState[] = []
  const inner = new Breaker(options, (state) => void moves.push(state))
  let jobs = 0
  /** Every fault is another job's, unless the test says whose. */
  const faulted = (now: number, subject = `job ${jobs++}`): boolean => inner.faulted(now, subject)
  const breaker = Object.assign(Object.create(inner) as object, {
    faulted,
    succeeded: () => inner.succeeded(),
    started: () => inner.started(),
    abandoned: () => inner.abandoned(),
    admit: (wanted: number, now: number) => inner.admit(wanted, now),
  })
  Object.defineProperty(breaker, "state", { get: () => inner.state })
  Object.defineProperty(breaker, "retryAt", { get: () => inner.retryAt })
  return { breaker: breaker as unknown as Omit<Breaker, "faulted"> & { faulted: typeof faulted }, moves }
}

describe("a backend that says when to come again", () => {
  const LONGEST = 900_000

  test("is left alone until then, whatever its jobs tell meanwhile, and then goes on as before", () => {
    const moves: BreakerState[] = []
    const breaker = new Breaker(options, (state) => void moves.push(state))
    breaker.hold(1_000, 5_000)
    expect([breaker.admit(4, 1_000), breaker.admit(4, 5_999), breaker.retryAt, breaker.state]).toEqual([
      0,
      0,
      6_000,
      "open",
    ])
    breaker.succeeded()
    expect(breaker.admit(4, 5_999)).toBe(0)
    expect([breaker.admit(4, 6_000), breaker.retryAt, breaker.heldUntil]).toEqual([4, null, null])
    expect(moves).toEqual(["open", "closed"])
  })

  test("is left alone for as long as it said last, not less than before, and at most a quarter of an hour", () => {
    const breaker = new Breaker(options, () => {})
    breaker.hold(0, 5_000)
    breaker.hold(1_000, 500)
    expect(breaker.retryAt).toBe(5_000)
    breaker.hold(2_000, 10_000)
    expect(breaker.retryAt).toBe(12_000)
    breaker.hold(3_000, 1e12)
    expect([breaker.retryAt, breaker.admit(1, 3_000 + LONGEST - 1), breaker.admit(1, 3_000 + LONGEST)]).toEqual([
      3_000 + LONGEST,
      0,
      1,
    ])
  })

  test("is not probed before then either, nor before its breaker lets a probe through", () => {
    const { breaker } = make()
    const inner = Object.getPrototypeOf(breaker) as Breaker
    for (let fault = 0; fault < 3; fault++) breaker.faulted(0)
    inner.hold(0, 5_000)
    expect([breaker.admit(4, 1_000), breaker.admit(4, 4_999), breaker.admit(4, 5_000)]).toEqual([0, 0, 1])
    breaker.started()
    breaker.faulted(5_000)
    inner.hold(5_000, 500)
    expect([breaker.admit(4, 5_500), breaker.admit(4, 6_999), breaker.admit(4, 7_000)]).toEqual([0, 0, 1])
  })
})

describe("circuit breaker", () => {
  test("opens after so many faults in a row, and only the opening fault does not count against its job", () => {
    const { breaker, moves } = make()
    expect([breaker.faulted(0), breaker.faulted(0), breaker.faulted(0)]).toEqual([false, false, true])
    expect(moves).toEqual(["open"])
    expect(breaker.admit(4, 999)).toBe(0)
  })

  test("one job that fails again and again does not open it: that job is the trouble", () => {
    const { breaker } = make()
    for (let tries = 0; tries < 10; tries++) expect(breaker.faulted(0, "poison")).toBe(false)
    expect(breaker.faulted(0, "another")).toBe(true)
    expect(breaker.state).toBe("open")
  })

  test("a success in between starts the count again", () => {
    const { breaker } = make()
    breaker.faulted(0)
    breaker.faulted(0)
    breaker.succeeded()
    breaker.faulted(0)
    breaker.faulted(0)
    expect(breaker.state).toBe("closed")
  })

  test("lets exactly one probe through when the pause is over, and closes when it succeeds", () => {
    const { breaker, moves } = make()
    for (let fault = 0; fault < 3; fault++) breaker.faulted(0)
    expect(breaker.admit(4, 1_000)).toBe(1)
    breaker.started()
    expect(breaker.admit(4, 1_000)).toBe(0)
    breaker.succeeded()
    expect(breaker.admit(4, 1_000)).toBe(4)
    expect(moves).toEqual(["open", "half-open", "closed"])
  })

  test("a probe that fails opens it for twice as long, up to the cap", () => {
    const { breaker } = make()
    for (let fault = 0; fault < 3; fault++) breaker.faulted(0)
    const pauses: number[] = []
    for (let round = 0; round < 6; round++) {
      const now = breaker.retryAt!
      breaker.admit(1, now)
      breaker.started()
      expect(breaker.faulted(now)).toBe(true)
      pauses.push(breaker.retryAt! - now)
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 8_000, 8_000, 8_000])
  })

  test("an abandoned probe makes room for another", () => {
    const { breaker } = make()
    for (let fault = 0; fault < 3; fault++) breaker.faulted(0)
    breaker.admit(1, 1_000)
    breaker.started()
    breaker.abandoned()
    expect(breaker.admit(1, 1_000)).toBe(1)
  })

  test("whatever happens, an open breaker lets nothing through before its time, and one success closes it", () => {
    const step = fc.constantFrom("fault", "success", "admit", "wait" as const)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { breaker } = make()
        let now = 0
        for (const what of steps) {
          if (what === "fault") breaker.faulted(now)
          if (what === "success") breaker.succeeded()
          if (what === "wait") now += 700
          if (what !== "admit") continue
          const retryAt = breaker.retryAt
          const admitted = breaker.admit(5, now)
          if (retryAt !== null && now < retryAt && admitted !== 0) return false
          if (admitted > 0) breaker.started()
        }
        breaker.succeeded()
        return breaker.admit(5, now) === 5
      }),
    )
  })
})
