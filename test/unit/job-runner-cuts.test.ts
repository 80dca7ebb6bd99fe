/** Jobs that do not come to their own end: deadlines, lost locks, workers that stop, and handlers that go on all the same. */
import { describe, expect, it } from "vitest"
import { handlerAtGate, makeRunner, results } from "./job-runner-harness.ts"
import { orderFor, pointerTo } from "./worker-desk.ts"

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
