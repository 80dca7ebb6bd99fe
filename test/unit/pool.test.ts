/** The server's part of the pool: what is sent, who gets an order, and what a result does. */
import { describe, expect, it } from "vitest"
import type { JobResult } from "../../queues/exchange.ts"
import { BACKEND, FAILURE, HandWorker, poolHarnesses, proofOf, putOne, QUEUE, stateOf } from "./pool-harness.ts"

const harness = poolHarnesses()

describe("a job in the pool", () => {
  it("is sent, claimed, proven, and then out no more", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const delivery = await worker.next()
    expect(delivery.pointer).toEqual({ version: 1, kind: "sync", backend: BACKEND, key: "a", generation: 1 })
    expect(server.relay.isRunning(BACKEND, "a")).toBe(false)
    const order = await worker.claim(delivery)
    expect(order!.job).toMatchObject({ kind: "sync", key: "a", want: { size: 1 } })
    expect(server.told.started).toEqual(["a"])
    expect(server.relay.isRunning(BACKEND, "a")).toBe(true)
    expect(await worker.tell(order!, proofOf(order!))).toBe("applied")
    expect(stateOf(server, "a")).toBe("synced")
    expect(server.relay.running).toBe(0)
    expect(server.catalog.counters().outbox).toBe(0)
  })

  it.each([-86_400_000, 0, 31_536_000_000])(
    "is proven at a time on the server's clock, where the worker's is %i ms ahead",
    async (ahead) => {
      const server = await harness()
      const worker = new HandWorker(server, "w")
      worker.ahead = ahead
      await putOne(server, "a")
      const order = await worker.claim(await worker.next())
      const seenAt = server.clock.time
      server.clock.time += 5_000
      const proof = { ...proofOf(order!), verified: { at: seenAt + ahead, by: "checksum" as const } } as JobResult
      expect(await worker.tell(order!, proof)).toBe("applied")
      expect(server.catalog.location(BACKEND, "a")?.verified).toEqual({ at: seenAt, by: "checksum" })
    },
  )

  it("that was put again meanwhile is ordered as it is wanted now", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a", "old")
    const delivery = await worker.next()
    await putOne(server, "a", "newer")
    const order = await worker.claim(delivery)
    expect(order!.job).toMatchObject({ generation: 2, want: { size: 5 } })
    await worker.tell(order!, proofOf(order!))
    expect(stateOf(server, "a")).toBe("synced")
  })

  it("that was overtaken while it ran proves nothing, and the newer one follows", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a", "old")
    const order = await worker.claim(await worker.next())
    await putOne(server, "a", "newer")
    expect(await worker.tell(order!, proofOf(order!))).toBe("stale")
    expect(stateOf(server, "a")).toBe("pending")
    await server.turn()
    const next = await worker.claim(await worker.next())
    expect(next!.job).toMatchObject({ want: { size: 5 } })
    await worker.tell(next!, proofOf(next!))
    expect(stateOf(server, "a")).toBe("synced")
  })

  it("is given to one of two that claim it under different parcels, and to the second where the first is silent", async () => {
    const server = await harness()
    const [first, second] = [new HandWorker(server, "first"), new HandWorker(server, "second", 0)]
    await putOne(server, "a")
    const delivery = await first.next()
    const order = await first.claim(delivery)
    const twin = { id: "another", pointer: delivery.pointer }
    expect(await second.claim(twin)).toBeNull()
    server.clock.time += 30_000
    const taken = await second.claim(twin)
    expect(taken).not.toBeNull()
    // The first wakes up with proof of the same generation: it counts, and the second's does no harm.
    expect(await first.tell(order!, proofOf(order!))).toBe("applied")
    expect(await second.tell(taken!, proofOf(taken!))).toBe("applied")
    expect(stateOf(server, "a")).toBe("synced")
  })

  it("that its transport gives out again belongs to whoever claims it last; the one before may have deleted what it took for its own", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const delivery = await worker.next()
    const first = await worker.claim(delivery)
    server.transport.loseLock(QUEUE, delivery.id)
    expect(delivery.signal.aborted).toBe(true)
    const again = await worker.claim(await worker.next())
    expect(again!.claim).not.toBe(first!.claim)
    expect(await worker.tell(again!, proofOf(again!))).toBe("applied")
    expect(stateOf(server, "a")).toBe("synced")
    expect(await worker.tell(first!, FAILURE)).toBe("stale")
    expect(stateOf(server, "a")).toBe("pending")
    await server.turn()
    const look = await worker.claim(await worker.next())
    expect(await worker.tell(look!, proofOf(look!))).toBe("applied")
  })

  it("that fails waits for its next try, and is parked after the last", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const delivery = await worker.next()
      expect(delivery.id.endsWith(attempt === 1 ? "-1" : `-${attempt - 1}`)).toBe(true)
      const order = await worker.claim(delivery)
      await worker.tell(order!, FAILURE)
      delivery.over()
      server.clock.time += 10_000
      server.relay.nudge()
      await server.turn()
    }
    expect(stateOf(server, "a")).toBe("failed")
    expect([...server.catalog.outbox({ status: "parked" })]).toHaveLength(1)
    expect(worker.deliveries).toHaveLength(0)
  })

  it("that is handed back goes out again at once, without counting as a try", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const order = await worker.claim(await worker.next())
    expect(await worker.tell(order!, { type: "returned" })).toBe("ignored")
    await server.turn()
    const again = await worker.claim(await worker.next())
    expect(again).not.toBeNull()
    expect(server.catalog.location(BACKEND, "a")?.attempts).toBe(0)
    await worker.tell(again!, proofOf(again!))
  })

  it("that ended only after it had lost its slot has its location looked at again", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const order = await worker.claim(await worker.next())
    await worker.tell(order!, proofOf(order!))
    expect(stateOf(server, "a")).toBe("synced")
    expect(await worker.tell(order!, { type: "late" })).toBe("stale")
    expect(stateOf(server, "a")).toBe("pending")
    await server.turn()
    const check = await worker.claim(await worker.next())
    await worker.tell(check!, proofOf(check!))
    expect(stateOf(server, "a")).toBe("synced")
  })

  it("of a deleted object clears its place", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const order = await worker.claim(await worker.next())
    await worker.tell(order!, proofOf(order!))
    await server.catalog.commitDelete({ key: "a", time: 1 } as never)
    server.relay.nudge()
    await server.turn()
    const clear = await worker.claim(await worker.next())
    expect(clear!.job).toMatchObject({ want: null })
    await worker.tell(clear!, proofOf(clear!))
    expect(server.catalog.location(BACKEND, "a")).toBeNull()
  })
})

describe("claims of what is not out", () => {
  it("get no order: unknown keys, other backends, ids of nothing", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    const pointer = { version: 1 as const, kind: "sync" as const, backend: BACKEND, key: "forged", generation: 9 }
    expect(await worker.claim({ id: "x", pointer })).toBeNull()
    expect(await worker.claim({ id: "x", pointer: { ...pointer, backend: "other" } })).toBeNull()
    const id = `sha256:${"0".repeat(64)}`
    expect(await worker.claim({ id: "x", pointer: { version: 1, kind: "checksum", id } })).toBeNull()
    expect(server.told.started).toEqual([])
  })

  it("change nothing by results that were never ordered, but for a look where something may have been written", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const order = await worker.claim(await worker.next())
    await worker.tell(order!, proofOf(order!))
    const forged = { ...order!, claim: "forged" }
    expect(await worker.tell(forged, { type: "hashed", checksums: {} })).toBe("ignored")
    expect(stateOf(server, "a")).toBe("synced")
    expect(await worker.tell(forged, FAILURE)).toBe("stale")
    expect(server.catalog.location(BACKEND, "a")).toMatchObject({ state: "pending", attempts: 0 })
  })
})
