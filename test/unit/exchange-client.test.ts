/** What a worker says to the server and how: batches, a server that is away, answers that are none, an end in order. */
import { describe, expect, it } from "vitest"
import { type Exchange, MOST_IN_A_MESSAGE } from "../../queues/exchange.ts"
import { StoredError, TransientAdapterError } from "../../src/core/error.ts"
import { makeClient, NEVER, WORKER } from "./exchange-harness.ts"
import { orderFor, pointerTo, TestDesk } from "./worker-desk.ts"

const keysOf = (message: Exchange | undefined) =>
  message?.claims.map(({ pointer }) => (pointer.kind === "sync" ? pointer.key : ""))

describe("claims and results", () => {
  it("that come while a message is under way go together in the next one", async () => {
    const { client, desk } = makeClient()
    const gate = Promise.withResolvers<void>()
    desk.before = (message) => (keysOf(message)?.includes("first") ? gate.promise : undefined)
    desk.orders.set("j1", orderFor("first"))
    client.start("r1")
    const first = client.claim("j1", pointerTo("first"), NEVER)
    await desk.until(({ messages }) => messages.length === 1)
    const others = ["a", "b"].map((key) => client.claim(key, pointerTo(key), NEVER))
    const report = client.report("c", pointerTo("x"), { type: "late" })
    gate.resolve()
    expect(await first).toEqual(orderFor("first"))
    expect(await Promise.all(others)).toEqual([null, null])
    expect(await report).toBe("applied")
    expect(desk.messages).toHaveLength(2)
    expect(keysOf(desk.messages[1])).toEqual(["a", "b"])
    expect(desk.results).toEqual([{ claim: "c", pointer: pointerTo("x"), result: { type: "late" } }])
    const refs = [...desk.messages[1]!.claims, ...desk.messages[1]!.results].map(({ ref }) => ref)
    expect(new Set(refs).size).toBe(3)
  })

  it("of jobs that may not begin yet are answered with the time to wait", async () => {
    const { client, desk } = makeClient()
    desk.waits.set("j", 25)
    client.start("r1")
    expect(await client.claim("j", pointerTo("k"), NEVER)).toEqual({ wait: 25 })
  })

  it("are no more in one message than it may have, in their order, and none is left behind", async () => {
    const { client, desk } = makeClient()
    const count = MOST_IN_A_MESSAGE * 2 + 3
    const claims = Array.from({ length: count }, (_, n) => client.claim(`${n}`, pointerTo(`${n}`), NEVER))
    client.start("r1")
    await Promise.all(claims)
    expect(desk.messages.map((message) => message.claims.length)).toEqual([MOST_IN_A_MESSAGE, MOST_IN_A_MESSAGE, 3])
    expect(desk.messages.flatMap((message) => keysOf(message))).toEqual(Array.from({ length: count }, (_, n) => `${n}`))
  })

  it("that are long go in messages that the server takes", async () => {
    const { client, desk } = makeClient()
    const message = "ö".repeat(2_000)
    const results = Array.from({ length: 600 }, (_, n) =>
      client.report(`c${n}`, pointerTo("ö".repeat(500)), {
        type: "failed",
        error: { code: "INTERNAL", message, retryable: true, details: { fact: message } },
      }),
    )
    client.start("r1")
    await Promise.all(results)
    expect(Math.max(...desk.messages.map((each) => Buffer.byteLength(JSON.stringify(each))))).toBeLessThan(2 * 2 ** 20)
    expect(desk.results).toHaveLength(600)
  })

  it("go out again by themselves, before the heartbeat, where the server was away", async () => {
    const { client, desk, logged } = makeClient()
    let faults = 3
    desk.before = () => {
      faults -= 1
      if (faults >= 0) throw new TransientAdapterError("The server does not answer.")
    }
    desk.orders.set("j", orderFor("k"))
    client.start("r1")
    const claim = client.claim("j", pointerTo("k"), NEVER)
    const report = client.report("c", pointerTo("k"), { type: "returned" })
    expect(await claim).toEqual(orderFor("k"))
    expect(await report).toBe("applied")
    expect(desk.messages.map((message) => [message.claims.length, message.results.length])).toEqual(
      Array.from({ length: 4 }, () => [1, 1]),
    )
    expect(logged.map(([, text]) => text)).toEqual(["the server cannot be told now; it is tried again"])
  })

  it("fail where the server stays away for longer than their patience", async () => {
    const { client, desk } = makeClient({ patience: 20 })
    desk.before = () => {
      throw new TransientAdapterError("The server does not answer.")
    }
    client.start("r1")
    const fault = { code: "BACKEND_UNAVAILABLE", retryable: true, message: expect.stringMatching(/within 20 ms/) }
    await expect(client.claim("j", pointerTo("k"), NEVER)).rejects.toMatchObject(fault)
    await expect(client.report("c", pointerTo("k"), { type: "returned" })).rejects.toMatchObject(fault)
    desk.before = () => {}
    expect(await client.claim("j", pointerTo("k"), NEVER)).toBeNull()
    expect(desk.results).toEqual([])
  })

  it("fail at once where the server refuses the message itself", async () => {
    const { client, desk } = makeClient()
    const refusal = new StoredError("INVALID_INPUT", "Invalid message.")
    desk.before = () => {
      desk.before = () => {}
      throw refusal
    }
    client.start("r1")
    await expect(client.claim("j", pointerTo("k"), NEVER)).rejects.toBe(refusal)
    expect(await client.claim("j", pointerTo("k"), NEVER)).toBeNull()
  })
})

describe("a claim that nobody waits for any more", () => {
  it("is not said where it still waits", async () => {
    const { client, desk } = makeClient()
    const control = new AbortController()
    const claim = client.claim("j", pointerTo("k"), control.signal)
    control.abort(new StoredError("ABORTED", "enough"))
    await expect(claim).rejects.toMatchObject({ code: "ABORTED", message: "enough" })
    client.start("r1")
    await client.claim("l", pointerTo("l"), NEVER)
    expect(desk.messages.map(keysOf)).toEqual([["l"]])
    await expect(client.claim("j", pointerTo("k"), control.signal)).rejects.toMatchObject({ code: "ABORTED" })
  })

  it("is handed back where its order comes all the same", async () => {
    const { client, desk } = makeClient()
    const gate = Promise.withResolvers<void>()
    desk.before = () => gate.promise
    desk.orders.set("j", orderFor("k"))
    const control = new AbortController()
    client.start("r1")
    const claim = client.claim("j", pointerTo("k"), control.signal)
    await desk.until(({ messages }) => messages.length === 1)
    control.abort()
    await expect(claim).rejects.toMatchObject({ code: "ABORTED" })
    gate.resolve()
    expect(await desk.resultOf("claim-k")).toEqual({ type: "returned" })
  })
})

describe("an answer", () => {
  it("with an order that cannot be read fails that claim alone, and the server hears of it", async () => {
    const { client, desk } = makeClient()
    desk.orders.set("good", orderFor("good"))
    desk.orders.set("newer", { ...orderFor("newer"), job: { ...orderFor("newer").job, version: 2 } })
    desk.orders.set("other", { ...orderFor("strange"), claim: "claim-other" })
    desk.orders.set("bare", 7)
    const claims = ["good", "newer", "other", "bare"].map((key) => client.claim(key, pointerTo(key), NEVER))
    client.start("r1")
    const settled = await Promise.allSettled(claims)
    expect(settled[0]).toMatchObject({ status: "fulfilled", value: orderFor("good") })
    for (const each of settled.slice(1))
      expect(each).toMatchObject({ status: "rejected", reason: { code: "INTERNAL", retryable: true } })
    const failed = { type: "failed", error: { code: "INTERNAL", retryable: true } }
    expect(await desk.resultOf("claim-newer")).toMatchObject(failed)
    expect(await desk.resultOf("claim-other")).toMatchObject(failed)
  })

  it.each<[string, (answer: Record<string, unknown>) => unknown]>([
    ["is no object", () => "hello"],
    ["is of another version", (answer) => ({ ...answer, version: 2 })],
    ["lacks what was asked", (answer) => ({ ...answer, claims: [], results: [] })],
    ["has a status that is none", (answer) => ({ ...answer, results: [{ ref: 1, status: "fine" }] })],
  ])("that %s is no answer: what was said is said again", async (_, spoil) => {
    let round = 0
    const desk = new TestDesk()
    desk.orders.set("j", orderFor("k"))
    const { client } = makeClient({
      send: async (message) => {
        const answer = await desk.exchange(message)
        round += 1
        return round === 1 ? spoil(answer as never) : answer
      },
    })
    const claim = client.claim("j", pointerTo("k"), NEVER)
    const report = client.report("c", pointerTo("k"), { type: "late" })
    client.start("r1")
    expect(await claim).toEqual(orderFor("k"))
    expect(await report).toBe("applied")
    expect(desk.messages.map((message) => [message.claims.length, message.results.length])).toEqual([
      [1, 1],
      [1, 1],
    ])
  })

  it("of another revision is told once", async () => {
    const seen: string[] = []
    const { client, desk } = makeClient({ onRevision: (revision) => void seen.push(revision) })
    client.start("r1")
    await client.claim("a", pointerTo("a"), NEVER)
    desk.revision = "r2"
    await client.claim("b", pointerTo("b"), NEVER)
    await client.claim("c", pointerTo("c"), NEVER)
    expect(seen).toEqual(["r2"])
  })
})

describe("a worker with nothing to say", () => {
  it("says so again and again", async () => {
    const { client, desk } = makeClient({ heartbeat: 1 })
    client.start("r1")
    await desk.until(({ messages }) => messages.length === 3)
    expect(desk.messages[2]).toEqual({ version: 1, now: expect.any(Number), worker: WORKER, claims: [], results: [] })
  })

  it("says so at once where it is nudged", async () => {
    const { client, desk } = makeClient()
    client.start("r1")
    await client.claim("a", pointerTo("a"), NEVER)
    client.nudge()
    await desk.until(({ messages }) => messages.length === 2)
  })
})

describe("the end", () => {
  it("waits for what is to be said, and says last how the worker is", async () => {
    const { client, desk } = makeClient()
    const gate = Promise.withResolvers<void>()
    desk.before = () => gate.promise
    client.start("r1")
    const report = client.report("c", pointerTo("k"), { type: "returned" })
    await desk.until(({ messages }) => messages.length === 1)
    const closed = client.close(60_000)
    gate.resolve()
    expect(await report).toBe("applied")
    await closed
    expect(desk.messages).toHaveLength(2)
    await expect(client.claim("j", pointerTo("k"), NEVER)).rejects.toMatchObject({ code: "CLOSED" })
  })

  it("waits no longer than it may, and fails what is left", async () => {
    const sent = Promise.withResolvers<AbortSignal>()
    const { client, logged } = makeClient({
      send: (_message, signal) => {
        sent.resolve(signal)
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      },
    })
    client.start("r1")
    const report = client.report("c", pointerTo("k"), { type: "returned" })
    const failed = expect(report).rejects.toMatchObject({ code: "CLOSED", retryable: true })
    const signal = await sent.promise
    await client.close(5)
    await failed
    expect(signal.aborted).toBe(true)
    expect(logged).toEqual([[{ claims: 0, results: 1 }, "the server was not told all"]])
  })
})
