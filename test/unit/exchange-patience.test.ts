/** What a worker goes on saying to a server that is away, and what it gives up, on a clock that only the test moves. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { JobResult } from "../../queues/exchange.ts"
import { TransientAdapterError } from "../../src/core/error.ts"
import { makeClient, NEVER } from "./exchange-harness.ts"
import { pointerTo } from "./worker-desk.ts"

const MINUTE = 60_000
const LATE: JobResult = { type: "late" }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A server that is away until it comes back, at which pauses are a few seconds long. */
function awayServer() {
  const { client, desk, logged } = makeClient({ backoff: { first: 1_000, most: 10_000 }, heartbeat: 5_000 })
  desk.before = () => {
    throw new TransientAdapterError("away")
  }
  client.start("r1")
  const comesBack = (): void => {
    desk.before = () => {}
  }
  return { client, desk, logged, comesBack }
}

describe("a server that is away for an hour", () => {
  it("is told of jobs that ended late once it is back, and of nothing else that was to be said then", async () => {
    const { client, desk, comesBack } = awayServer()
    const late = client.report("c1", pointerTo("late"), LATE)
    const ends = { late: "open", returned: "open", claim: "open" }
    late.then((status) => {
      ends.late = status
    })
    client.report("c2", pointerTo("k"), { type: "returned" }).catch(({ code }) => {
      ends.returned = code
    })
    client.claim("j", pointerTo("k"), NEVER).catch(({ code }) => {
      ends.claim = code
    })
    await vi.advanceTimersByTimeAsync(4 * MINUTE)
    expect(ends).toEqual({ late: "open", returned: "open", claim: "open" })
    await vi.advanceTimersByTimeAsync(56 * MINUTE)
    expect(ends).toEqual({ late: "open", returned: "BACKEND_UNAVAILABLE", claim: "BACKEND_UNAVAILABLE" })
    expect(desk.results).toEqual([])

    comesBack()
    await vi.advanceTimersByTimeAsync(MINUTE)
    expect(await late).toBe("applied")
    expect(desk.results).toEqual([{ claim: "c1", pointer: pointerTo("late"), result: LATE }])
  })

  it("does not keep a worker from ending: what it was not told fails with CLOSED", async () => {
    const { client, logged } = awayServer()
    const late = client.report("c1", pointerTo("late"), LATE).catch(({ code }) => code as string)
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    const closed = client.close(2_000)
    await vi.advanceTimersByTimeAsync(2_000)
    await closed
    expect(await late).toBe("CLOSED")
    expect(logged.at(-1)).toEqual([{ claims: 0, results: 1 }, "the server was not told all"])
  })
})
