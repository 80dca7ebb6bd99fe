/** One lane of the embedded runner against a plain list of rows: order, concurrency, retries, parking, breaker, stopping. */
import { describe, expect, test } from "vitest"
import { StoredError, TransientAdapterError } from "../../src/core/error.ts"
import { done, makeLane, row } from "./lane-harness.ts"

describe("a lane", () => {
  test("starts rows by due time and then sequence, never more than its concurrency at once", async () => {
    const order: string[] = []
    let running = 0
    let most = 0
    const { rows, drain } = makeLane({
      run: async (r) => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resume) => setImmediate(resume))
        running -= 1
        if (r.payload.kind === "sync") order.push(r.payload.key)
        return done(r)
      },
    })
    rows.push(row("c", 3), row("a", 1), row("late", 4, 500), row("b", 2))
    await drain()
    expect(order).toEqual(["a", "b", "c", "late"])
    expect(most).toBe(2)
  })

  test("a row whose time has not come is left alone", async () => {
    const { rows, drain, outcomes, lane } = makeLane({ run: async (r) => done(r) })
    rows.push(row("a", 1, 5_000))
    await drain()
    expect(outcomes).toEqual([])
    await lane.stop(0)
  })

  test("a retryable fault waits longer each time and is parked after the last try", async () => {
    const { rows, drain, outcomes, clock } = makeLane({
      run: async () => {
        throw new TransientAdapterError("not now")
      },
    })
    rows.push(row("a", 1))
    for (let tries = 0; tries < 3; tries++) {
      await drain()
      clock.time += 1_000
    }
    expect(outcomes.map((outcome) => outcome.result.type)).toEqual(["retry", "retry", "park"])
    expect(outcomes.slice(0, 2).map((outcome) => outcome.result.type === "retry" && outcome.result.dueAt)).toEqual([
      1_100, 2_200,
    ])
  })

  test("a permanent fault is parked at once", async () => {
    const { rows, drain, outcomes } = makeLane({
      run: async () => {
        throw new StoredError("BACKEND_FULL", "The disk is full.")
      },
    })
    rows.push(row("a", 1))
    await drain()
    expect(outcomes.map((outcome) => outcome.result)).toMatchObject([{ type: "park", error: { code: "BACKEND_FULL" } }])
  })

  test("once the breaker is open nothing starts and no try is counted", async () => {
    let starts = 0
    const { rows, drain, outcomes, breaker, clock, lane } = makeLane({
      concurrency: 1,
      threshold: 2,
      run: async () => {
        starts += 1
        throw new TransientAdapterError("down")
      },
    })
    for (let index = 0; index < 5; index++) rows.push(row(`k${index}`, index))
    await drain()
    expect(breaker.state).toBe("open")
    expect(starts).toBe(2)
    expect(outcomes.map((outcome) => outcome.result.type === "retry" && outcome.result.countAttempt)).toEqual([
      true,
      false,
    ])
    clock.time += 1_000
    await drain()
    expect(starts).toBe(3)
    expect(outcomes.at(-1)?.result).toMatchObject({ type: "retry", countAttempt: false })
    await lane.stop(0)
  })

  test("stopping waits for what runs, aborts it at the deadline, and leaves its row where it was", async () => {
    let aborted = false
    const started = Promise.withResolvers<void>()
    const { lane, rows, outcomes } = makeLane({
      run: (_row, signal) =>
        new Promise((_, reject) => {
          started.resolve()
          signal.addEventListener("abort", () => {
            aborted = true
            reject(signal.reason)
          })
        }),
    })
    rows.push(row("a", 1))
    lane.nudge()
    await started.promise
    await lane.stop(5)
    expect(aborted).toBe(true)
    expect(outcomes).toEqual([])
    expect(rows.length).toBe(1)
  })

  test("a row is not run again while it runs, however often the lane is nudged", async () => {
    let starts = 0
    const gate = Promise.withResolvers<void>()
    const { lane, rows, drain } = makeLane({
      concurrency: 8,
      run: async (r) => {
        starts += 1
        await gate.promise
        return done(r)
      },
    })
    rows.push(row("a", 1))
    for (let nudge = 0; nudge < 5; nudge++) {
      lane.nudge()
      await new Promise((resume) => setImmediate(resume))
    }
    gate.resolve()
    await drain()
    expect(starts).toBe(1)
  })

  test("a commit that fails is not tried again at once, however often the lane is nudged", async () => {
    let starts = 0
    const { lane, rows, faults, clock } = makeLane({
      commitFault: () => new StoredError("CATALOG_CORRUPT", "A row is bad."),
      run: async (r) => {
        starts += 1
        return done(r)
      },
    })
    rows.push(row("a", 1))
    for (let turn = 0; turn < 20; turn += 1) {
      lane.nudge()
      await new Promise((resume) => setImmediate(resume))
    }
    expect([starts, faults]).toEqual([1, ["CATALOG_CORRUPT"]])
    clock.time += 60_000
    lane.nudge()
    await new Promise((resume) => setImmediate(resume))
    expect(starts).toBe(2)
    await lane.stop(0)
  })
})
