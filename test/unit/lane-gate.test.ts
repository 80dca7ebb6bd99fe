/** A lane whose backend is paused, or may begin only so many jobs in a time. */
import { describe, expect, test } from "vitest"
import { done, makeLane, row } from "./lane-harness.ts"

describe("a lane", () => {
  test("whose backend is paused begins nothing and burns no try, lets what runs end, and goes on when it is resumed", async () => {
    const started: string[] = []
    const first = Promise.withResolvers<void>()
    const running = Promise.withResolvers<void>()
    const { lane, rows, outcomes, drain } = makeLane({
      concurrency: 1,
      run: async (r) => {
        if (r.payload.kind === "sync") started.push(r.payload.key)
        running.resolve()
        await first.promise
        return done(r)
      },
    })
    rows.push(row("a", 1), row("b", 2))
    const drained = drain()
    await running.promise
    lane.gate.pause()
    first.resolve()
    await drained
    expect([started, outcomes.length, rows.length]).toEqual([["a"], 1, 1])
    expect(rows[0]!.attempts).toBe(0)
    lane.gate.resume()
    await drain()
    expect(started).toEqual(["a", "b"])
    await lane.stop(0)
  })

  test("begins no more jobs in a time than its rate limit allows", async () => {
    const begun: number[] = []
    const { lane, rows, clock, drain } = makeLane({
      concurrency: 100,
      rateLimit: { max: 3, per: 1_000 },
      run: async (r) => {
        begun.push(clock.time)
        return done(r)
      },
    })
    for (let sequence = 1; sequence <= 8; sequence += 1) rows.push(row(`k${sequence}`, sequence))
    await drain()
    expect(begun).toEqual([1_000, 1_000, 1_000])
    clock.time = 1_999
    await drain()
    expect(begun).toHaveLength(3)
    clock.time = 2_000
    await drain()
    clock.time = 3_500
    await drain()
    expect(begun.slice(3)).toEqual([2_000, 2_000, 2_000, 3_500, 3_500])
    await lane.stop(0)
  })
})
