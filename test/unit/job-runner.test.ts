/** One job after another in a worker: what is told of each end, of deadlines, lost locks, stops, and of handlers that go on all the same. */
import { describe, expect, it } from "vitest"
import type { JobOrder, JobPointer, JobResult } from "../../queues/exchange.ts"
import type { Done, Job } from "../../queues/job.ts"
import { NotUnderstood } from "../../queues/transport.ts"
import { StoredError, TransientAdapterError } from "../../src/core/error.ts"
import type { EndedJob, Misfit } from "../../src/metrics/meter.ts"
import { type Bench, JobRunner } from "../../workers/job-runner.ts"
import { ID, orderFor, pointerTo } from "./worker-desk.ts"

const DONE: Done<"sync"> = { type: "done", have: null, verified: { at: 1, by: "absence" }, seen: null }
const NEVER = new AbortController().signal

/** A runner whose server keeps what it is told. `run` stands for the handler. */
function makeRunner(options: { run?: Bench["run"]; order?: JobOrder | null; fault?: Error; moment?: number } = {}) {
  const told: { claim: string; pointer: JobPointer; result: JobResult }[] = []
  const logged: [object, string][] = []
  const note = (facts: object, text: string): void => void logged.push([facts, text])
  const ended: Omit<EndedJob, "seconds">[] = []
  const misfits: Misfit[] = []
  const waiters = new Set<() => void>()
  const claims: unknown[] = []
  const runner = new JobRunner({
    exchange: {
      claim: async (...words) => {
        claims.push(words.slice(0, 2))
        return options.order === undefined ? orderFor("k") : options.order
      },
      report: async (claim, pointer, result) => {
        if (options.fault) throw options.fault
        told.push({ claim, pointer, result })
        for (const look of waiters) look()
        return "applied"
      },
    },
    log: { debug() {}, info() {}, warn: note, error: note },
    meter: {
      jobEnded: ({ seconds, ...end }) => void ended.push(end),
      notUnderstood: (misfit) => void misfits.push(misfit),
      bytes: () => {},
    },
    moment: options.moment ?? 60_000,
  })
  const closing = new AbortController()
  const bench: Bench = {
    takes: (pointer) => pointer.kind === "sync" && pointer.backend === "b",
    run: options.run ?? (async () => DONE),
    closed: closing.signal,
  }
  const take = (pointer: unknown = pointerTo("k"), lost: AbortSignal = NEVER) =>
    runner.take(bench, { id: "j", pointer }, lost)
  const toldCount = (count: number) =>
    new Promise<void>((resolve) => {
      const look = (): void => {
        if (told.length >= count) resolve()
      }
      waiters.add(look)
      look()
    })
  return { runner, take, told, ended, misfits, toldCount, logged, claims, closing }
}

/** A handler at a gate: it heeds its signal or does not. */
function handlerAtGate(heeds: boolean) {
  const began = Promise.withResolvers<AbortSignal>()
  const gate = Promise.withResolvers<Done<"sync">>()
  const run: Bench["run"] = (_job: Job, signal) => {
    began.resolve(signal)
    if (heeds) signal.addEventListener("abort", () => gate.reject(signal.reason))
    return gate.promise
  }
  return { run, began: began.promise, end: () => gate.resolve(DONE), fail: gate.reject }
}

const results = (told: { result: JobResult }[]) => told.map(({ result }) => result.type)

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

describe("at the deadline of its order a job", () => {
  const order = { ...orderFor("k"), deadline: 5 }

  it("is aborted and told as failed, once", async () => {
    const handler = handlerAtGate(true)
    const { take, told, runner } = makeRunner({ order, run: handler.run })
    await take()
    expect((await handler.began).reason).toMatchObject({ code: "TIMEOUT" })
    expect(told).toMatchObject([{ result: { type: "failed", error: { code: "TIMEOUT", retryable: true } } }])
    expect(runner.running).toBe(0)
  })

  it("that goes on is told as failed, and as late once it ends", async () => {
    const handler = handlerAtGate(false)
    const { take, told, toldCount, runner } = makeRunner({ order, run: handler.run, moment: 1 })
    await take()
    expect([results(told), runner.running]).toEqual([["failed"], 1])
    handler.end()
    await toldCount(2)
    expect(told[1]).toEqual({ claim: "claim-k", pointer: pointerTo("k"), result: { type: "late" } })
    expect(runner.running).toBe(0)
  })

  it("that is done all the same in that moment is told as done", async () => {
    const handler = handlerAtGate(false)
    const { take, told } = makeRunner({ order, run: handler.run })
    void handler.began.then((signal) => signal.addEventListener("abort", () => handler.end()))
    await take()
    expect(results(told)).toEqual(["synced"])
  })
})

describe("a job that was given to somebody else", () => {
  it.each([true, false])("is aborted and told as late once it has ended, done or not (%s)", async (heeds) => {
    const handler = handlerAtGate(heeds)
    const { take, told } = makeRunner({ run: handler.run })
    const lost = new AbortController()
    const taken = take(pointerTo("k"), lost.signal)
    const signal = await handler.began
    signal.addEventListener("abort", () => handler.end())
    lost.abort(new Error("The lock is lost."))
    await taken
    expect(results(told)).toEqual(["late"])
  })

  it("is told as nothing before it has ended", async () => {
    const handler = handlerAtGate(false)
    const { take, told, toldCount } = makeRunner({ run: handler.run, moment: 1 })
    const lost = new AbortController()
    const taken = take(pointerTo("k"), lost.signal)
    const signal = await handler.began
    lost.abort()
    await taken
    expect([signal.aborted, told]).toEqual([true, []])
    handler.fail(new Error("at last"))
    await toldCount(1)
    expect(results(told)).toEqual(["late"])
  })
})

describe("a worker that stops", () => {
  it("lets what runs come to its end", async () => {
    const handler = handlerAtGate(true)
    const { runner, take, told } = makeRunner({ run: handler.run })
    const taken = take()
    const signal = await handler.began
    const stopped = runner.stop(60_000)
    handler.end()
    await Promise.all([taken, stopped])
    expect([results(told), signal.aborted, runner.isTaking]).toEqual([["synced"], false, false])
  })

  it("gives back what does not end in time", async () => {
    const handler = handlerAtGate(true)
    const { runner, take, told } = makeRunner({ run: handler.run })
    const taken = take()
    const signal = await handler.began
    await runner.stop(1)
    await taken
    expect(signal.reason).toMatchObject({ code: "CLOSED" })
    expect(results(told)).toEqual(["returned"])
  })

  it("tells as late what does not end at all", async () => {
    const handler = handlerAtGate(false)
    const { runner, take, told } = makeRunner({ run: handler.run, moment: 1 })
    void take()
    await handler.began
    await runner.stop(1)
    expect(results(told)).toEqual(["late"])
  })

  it("tells as late, once, what has been overdue since before", async () => {
    const handler = handlerAtGate(false)
    const { runner, take, told } = makeRunner({ order: { ...orderFor("k"), deadline: 1 }, run: handler.run, moment: 1 })
    await take()
    await runner.stop(1)
    expect(results(told)).toEqual(["failed", "late"])
    handler.end()
    await new Promise((resolve) => setImmediate(resolve))
    expect(told).toHaveLength(2)
  })

  it("hands back at once what is still given to it", async () => {
    const { runner, take, told } = makeRunner({
      run: () => {
        throw new Error("begun")
      },
    })
    runner.finish()
    await take()
    expect(results(told)).toEqual(["returned"])
  })
})

it("a bench that is taken away gives back what runs on it", async () => {
  const handler = handlerAtGate(true)
  const { take, told, closing } = makeRunner({ run: handler.run })
  const taken = take()
  await handler.began
  closing.abort()
  await taken
  expect(results(told)).toEqual(["returned"])
})
