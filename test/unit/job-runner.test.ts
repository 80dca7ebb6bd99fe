/** One job after another in a worker: what is told of each end, what is dropped or handed back, and what is counted. */
import { describe, expect, it } from "vitest"
import type { Job } from "../../queues/job.ts"
import { HandedBack, NotUnderstood } from "../../queues/transport.ts"
import { StoredError, TransientAdapterError } from "../../src/core/error.ts"
import { handlerAtGate, makeRunner } from "./job-runner-harness.ts"
import { ID, orderFor, pointerTo } from "./worker-desk.ts"

describe("a job", () => {
  it("that is done is told with the generation that was ordered", async () => {
    const order = orderFor("k")
    const { take, told, claims } = makeRunner({ order: { ...order, job: { ...order.job, generation: 7 } as Job } })
    await take()
    expect(claims).toEqual([["j", pointerTo("k")]])
    const result = { type: "synced", have: null, verified: { at: 1, by: "absence" }, seen: null }
    expect(told).toEqual([{ claim: "claim-k", pointer: pointerTo("k", "b", 7), result }])
  })

  it("that is to be done no more is not begun", async () => {
    const { take, told } = makeRunner({
      order: null,
      run: () => {
        throw new Error("begun")
      },
    })
    await take()
    expect(told).toEqual([])
  })

  it.each<[string, unknown, object]>([
    ["a typed error", new StoredError("BACKEND_FULL", "Full."), { code: "BACKEND_FULL", retryable: false }],
    ["a foreign error", new Error("odd"), { code: "INTERNAL", retryable: false }],
    ["no error at all", "text", { code: "INTERNAL" }],
    [
      "more than fits into a message",
      new TransientAdapterError("x".repeat(10_000), { details: { long: "y".repeat(10_000) } }),
      { message: "x".repeat(2_000), retryable: true },
    ],
    ["details that are no JSON", new TransientAdapterError("m", { details: { big: 1n } }), { message: "m" }],
  ])("that fails with %s is told so", async (_, thrown, error) => {
    const { take, told } = makeRunner({ run: () => Promise.reject(thrown) })
    await take()
    expect(told).toMatchObject([{ result: { type: "failed", error } }])
    expect(JSON.stringify(told).length).toBeLessThan(3_000)
  })

  it.each<[string, unknown]>([
    ["is none", "hello"],
    ["is nothing", null],
    ["is of another queue", pointerTo("k", "other")],
    ["is of another kind", { version: 1, kind: "checksum", id: ID }],
  ])("whose pointer %s is dropped with a line in the log", async (_, pointer) => {
    const { take, claims, logged, misfits } = makeRunner()
    await take(pointer)
    expect(claims).toEqual([])
    expect(misfits).toEqual(["payload"])
    expect(logged).toMatchObject([[{ jobId: "j" }, "a job that nobody understands was dropped"]])
  })

  it.each([0, 2, 3])(
    "of version %i, which is not known here, is handed back, loudly once, and counted",
    async (version) => {
      const { take, claims, logged, misfits, ended } = makeRunner()
      for (const _ of [1, 2]) await expect(take({ ...pointerTo("k"), version })).rejects.toBeInstanceOf(NotUnderstood)
      expect(claims).toEqual([])
      expect([misfits, ended]).toEqual([["version", "version"], []])
      expect(logged).toEqual([[{ jobId: "j", version }, expect.stringMatching(/does not know was handed back/)]])
    },
  )

  it("that has to wait for others is claimed again until it may begin", async () => {
    const { take, told, claims, ended } = makeRunner({ waits: [1, 2] })
    await take()
    expect(claims).toEqual([1, 2, 3].map(() => ["j", pointerTo("k")]))
    expect([told.length, ended.length]).toEqual([1, 1])
  })

  const HOUR = 3_600_000
  it.each<[string, (parts: ReturnType<typeof makeRunner>) => unknown]>([
    ["its worker", ({ runner }) => runner.stop(HOUR)],
    ["its queue", ({ closing }) => closing.abort()],
  ])("that has to wait is handed back where %s ends, untold and unlogged", async (_, end) => {
    const parts = makeRunner({ waits: [HOUR] })
    const taken = parts.take()
    await parts.claimed
    const over = expect(taken).rejects.toBeInstanceOf(HandedBack)
    await Promise.all([end(parts), over])
    expect([parts.told, parts.logged, parts.claims.length]).toEqual([[], [], 1])
  })

  it("that has to wait and is given to somebody else is let go", async () => {
    const { take, told, claimed, claims } = makeRunner({ waits: [HOUR] })
    const lost = new AbortController()
    const taken = take(pointerTo("k"), lost.signal)
    await claimed
    lost.abort()
    await taken
    expect([told, claims.length]).toEqual([[], 1])
  })

  it("whose result cannot be told is let go with a line in the log", async () => {
    const { take, logged, runner } = makeRunner({ fault: new TransientAdapterError("away") })
    await expect(take()).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" })
    expect(logged).toMatchObject([[{ jobId: "j", backend: "b", key: "k" }, "a job was let go"]])
    expect(runner.running).toBe(0)
  })
})

describe("a job is counted once", () => {
  const count = (outcome: string, code: string | null = null) => [{ kind: "sync", backend: "b", outcome, code }]

  it("as done, or as failed with its code", async () => {
    const done = makeRunner()
    await done.take()
    expect(done.ended).toEqual(count("done"))
    const failed = makeRunner({ run: () => Promise.reject(new StoredError("BACKEND_FULL", "Full.")) })
    await failed.take()
    expect(failed.ended).toEqual(count("failed", "BACKEND_FULL"))
  })

  it("as failed at its deadline, also where it goes on", async () => {
    const handler = handlerAtGate(false)
    const { take, ended, toldCount } = makeRunner({
      order: { ...orderFor("k"), deadline: 5 },
      run: handler.run,
      moment: 1,
    })
    await take()
    handler.end()
    await toldCount(2)
    expect(ended).toEqual(count("failed", "TIMEOUT"))
  })

  it.each([true, false])("as late where it was given to somebody else, ended (%s) or not", async (heeds) => {
    const lost = new AbortController()
    const away = handlerAtGate(heeds)
    const given = makeRunner({ run: away.run, moment: heeds ? 60_000 : 1 })
    const taken = given.take(pointerTo("k"), lost.signal)
    await away.began
    lost.abort()
    await taken
    expect(given.ended).toEqual(count("late"))
    away.end()
  })

  it("as returned where the worker stops", async () => {
    const handler = handlerAtGate(true)
    const stopped = makeRunner({ run: handler.run })
    const take = stopped.take()
    await handler.began
    await stopped.runner.stop(0)
    await take
    expect(stopped.ended).toEqual(count("returned"))
  })

  it("as nothing where it was not begun", async () => {
    const { take, ended } = makeRunner({ order: null })
    await take()
    expect(ended).toEqual([])
  })
})
