/** Jobs of a lane that do not end in time: at their deadline, or when the lane stops. */
import { describe, expect, test } from "vitest"
import type { Outcome } from "../../src/catalog/catalog.ts"
import { StoredError } from "../../src/core/error.ts"
import { done, makeLane, row } from "./lane-harness.ts"

describe("late jobs of a lane", () => {
  test("a job that does not heed its signal loses its slot at its deadline", async () => {
    const { rows, drain, outcomes } = makeLane({ deadline: 5, run: () => new Promise(() => {}) })
    rows.push(row("a", 1))
    await drain()
    expect(outcomes[0]?.result).toMatchObject({ type: "retry", error: { code: "TIMEOUT" } })
  })

  test("a job that ends after its deadline is told of, after its own outcome, and only once", async () => {
    const end = Promise.withResolvers<Outcome>()
    const told = Promise.withResolvers<void>()
    const { lane, rows, drain, outcomes } = makeLane({
      deadline: 5,
      run: () => end.promise,
      settled: (outcome) => outcome.result.type === "late" && told.resolve(),
    })
    rows.push(row("a", 1))
    await drain()
    expect(outcomes.map((outcome) => outcome.result.type)).toEqual(["retry"])
    end.resolve(done(row("a", 1)))
    await told.promise
    await lane.stop(0)
    expect(outcomes.map((outcome) => outcome.result.type)).toEqual(["retry", "late"])
    expect(outcomes[1]).toMatchObject({ backend: "b", key: "a", generation: 1 })
  })

  test("a job that still has not ended when the lane stops is told of then, and again when it ends", async () => {
    const end = Promise.withResolvers<Outcome>()
    const { lane, rows, drain, outcomes } = makeLane({ deadline: 5, run: () => end.promise })
    rows.push(row("a", 1))
    await drain()
    await lane.stop(0)
    expect(outcomes.map((outcome) => outcome.result.type)).toEqual(["retry", "late"])
    end.reject(new Error("after all"))
    await new Promise((resume) => setImmediate(resume))
    expect(outcomes.map((outcome) => outcome.result.type)).toEqual(["retry", "late", "late"])
  })

  test("a job that does not heed the stop of its lane is told of when it ends, and not before", async () => {
    const started = Promise.withResolvers<void>()
    const end = Promise.withResolvers<Outcome>()
    const { lane, rows, outcomes } = makeLane({
      run: () => {
        started.resolve()
        return end.promise
      },
    })
    rows.push(row("a", 1))
    lane.nudge()
    await started.promise
    await lane.stop(0)
    expect([outcomes, rows.length]).toEqual([[], 1])
    end.resolve(done(row("a", 1)))
    await new Promise((resume) => setImmediate(resume))
    expect(outcomes).toMatchObject([{ backend: "b", key: "a", generation: 1, result: { type: "late" } }])
  })

  test.each([
    { code: "CLOSED" as const, faults: [] },
    { code: "DISK_FULL" as const, faults: ["DISK_FULL"] },
  ])("after the lane stopped, a commit refused as $code is a fault: $faults", async ({ code, faults: expected }) => {
    const end = Promise.withResolvers<Outcome>()
    const tried = Promise.withResolvers<void>()
    let refused = false
    const { lane, rows, drain, faults } = makeLane({
      deadline: 5,
      run: () => end.promise,
      commitFault: () => {
        if (!refused) return null
        tried.resolve()
        return new StoredError(code, "Not now.")
      },
    })
    rows.push(row("a", 1))
    await drain()
    await lane.stop(0)
    refused = true
    end.resolve(done(row("a", 1)))
    await tried.promise
    await new Promise((resume) => setImmediate(resume))
    expect(faults).toEqual(expected)
  })

  test("a job that heeds its signal at its deadline has nothing more to tell", async () => {
    const { lane, rows, drain, outcomes } = makeLane({
      deadline: 5,
      run: (_row, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason))
        }),
    })
    rows.push(row("a", 1))
    await drain()
    await lane.stop(0)
    expect(outcomes.map((outcome) => outcome.result.type)).toEqual(["retry"])
  })
})
