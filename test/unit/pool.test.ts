/** The server's part of the pool: what is sent, who gets an order, what a result does, and what is sent again. */
import { afterEach, describe, expect, it } from "vitest"
import { faultsOf, put } from "../contract/catalog.facts.ts"
import { BACKEND, FAILURE, HandWorker, openPoolHarness, type PoolHarness, proofOf, QUEUE } from "./pool-harness.ts"

const open: PoolHarness[] = []

async function harness(before?: PoolHarness, threshold?: number): Promise<PoolHarness> {
  const opened = await openPoolHarness(before, threshold)
  open.push(opened)
  return opened
}

afterEach(async () => {
  for (const each of open.splice(0)) {
    await each.end()
    expect(await faultsOf(each.catalog)).toEqual([])
  }
})

async function putOne(server: PoolHarness, key: string, content = key): Promise<void> {
  await put(server.catalog, { key, content })
  server.relay.nudge()
  await server.turn()
}

function stateOf(server: PoolHarness, key: string): string | undefined {
  return server.catalog.location(BACKEND, key)?.state
}

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

describe("the transport", () => {
  it("that forgets everything is given again what is due", async () => {
    const server = await harness()
    for (const key of ["a", "b", "c"]) await putOne(server, key)
    server.transport.wipe()
    await server.relay.look()
    const worker = new HandWorker(server, "w")
    await server.turn()
    expect(worker.deliveries).toHaveLength(0)
    server.clock.time += 10_000
    await server.relay.look()
    await server.turn()
    for (let count = 0; count < 3; count += 1) {
      const order = await worker.claim(await worker.next())
      await worker.tell(order!, proofOf(order!))
    }
    expect(server.catalog.counters().outbox).toBe(0)
  })

  it("that forgets what a living worker has claimed is not asked for it; a silent worker's job goes out again", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const first = await worker.next()
    const order = await worker.claim(first)
    first.over()
    await server.turn()
    server.clock.time += 15_000
    await server.relay.look()
    await server.turn()
    expect(worker.deliveries).toHaveLength(0)
    server.clock.time += 15_000
    await server.relay.look()
    await server.turn()
    expect(worker.deliveries).toHaveLength(1)
    expect(await worker.tell(order!, proofOf(order!))).toBe("applied")
  })

  it("that has put away what a living worker claimed and never tells of is given it again, once the job cannot still run", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const delivery = await worker.next()
    const order = await worker.claim(delivery)
    delivery.over()
    for (const [ms, expected] of [
      [order!.deadline, 0],
      [70_000, 1],
    ] as const) {
      server.clock.time += ms
      await worker.say({ claims: [], results: [] })
      await server.relay.look()
      await server.turn()
      expect(worker.deliveries).toHaveLength(expected)
    }
  })

  it("that is away is sent nothing, and everything once it is back", async () => {
    const server = await harness()
    server.transport.setReady(false)
    for (const key of ["a", "b"]) await putOne(server, key)
    expect(server.told.disturbed).toEqual([])
    const worker = new HandWorker(server, "w")
    await server.turn()
    expect(worker.deliveries).toHaveLength(0)
    server.transport.setReady(true)
    await server.turn()
    expect(worker.deliveries).toHaveLength(2)
  })

  it("carries a row once where the server starts again", async () => {
    const before = await harness()
    await putOne(before, "a")
    open.splice(0)
    await before.relay.stop()
    const after = await harness(before)
    after.relay.nudge()
    await after.turn()
    const worker = new HandWorker(after, "w")
    const order = await worker.claim(await worker.next())
    expect(worker.deliveries).toHaveLength(0)
    await worker.tell(order!, proofOf(order!))
    expect(stateOf(after, "a")).toBe("synced")
  })

  it("brings the proof of a job that outlived its server", async () => {
    const before = await harness()
    const worker = new HandWorker(before, "w")
    await putOne(before, "a")
    const order = await worker.claim(await worker.next())
    open.splice(0)
    // A kill: nobody stops anything.
    const after = await harness(before)
    after.relay.nudge()
    await after.turn()
    expect(await worker.tell(order!, proofOf(order!), after)).toBe("applied")
    expect(stateOf(after, "a")).toBe("synced")
    await before.end()
  })
})

describe("a worker that dies with a claim that was taken from it", () => {
  it("may have written after the newer bytes were proven: the location is looked at again once its lease is over", async () => {
    const server = await harness()
    const [owner, other] = [new HandWorker(server, "first"), new HandWorker(server, "second", 0)]
    await putOne(server, "a", "old")
    const delivery = await owner.next()
    await owner.claim(delivery)
    await put(server.catalog, { key: "a", content: "newer" })
    const order = await other.claim(delivery)
    await other.tell(order!, proofOf(order!))
    expect(stateOf(server, "a")).toBe("synced")
    await server.relay.look()
    expect(stateOf(server, "a")).toBe("synced")
    server.clock.time += 25_000
    await other.say({ claims: [], results: [] })
    await server.relay.look()
    expect(stateOf(server, "a")).toBe("pending")
    // Once, not at every look.
    delivery.over()
    await server.turn()
    const look = await other.claim(await owner.next())
    await other.tell(look!, proofOf(look!))
    await server.relay.look()
    expect(stateOf(server, "a")).toBe("synced")
  })
})

describe("one bad row", () => {
  it("fails its own job as any try, and nothing that comes with it", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    await putOne(server, "b")
    const [a, b] = [await worker.next(), await worker.next()]
    const location = server.catalog.location(BACKEND, "a")!
    const { blob } = server.catalog
    server.catalog.blob = (id) => (id === location.want ? null : blob.call(server.catalog, id))
    const claims = [a, b].map(({ id, pointer }, ref) => ({ ref, jobId: id, pointer: pointer as never }))
    const answer = await worker.say({ claims, results: [] })
    expect(answer.claims.map(({ order }) => order?.job.kind ?? null)).toEqual([null, "sync"])
    expect(server.catalog.location(BACKEND, "a")).toMatchObject({ attempts: 1 })
    server.catalog.blob = blob
    await worker.tell(answer.claims[1]!.order!, proofOf(answer.claims[1]!.order!))
    expect(stateOf(server, "b")).toBe("synced")
  })
})

describe("a backend that goes", () => {
  it("has the location looked at again where a job ends after its queue was left, in case it stays", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putOne(server, "a")
    const order = await worker.claim(await worker.next())
    await server.relay.leave(0)
    expect(server.catalog.location(BACKEND, "a")).toMatchObject({ state: "pending", generation: 2 })
    expect(await worker.tell(order!, { type: "late" })).toBe("stale")
    expect(await worker.tell(order!, FAILURE)).toBe("stale")
  })
})

describe("a backend that keeps failing", () => {
  it("with more rows than may be out works on by itself once it answers", async () => {
    const server = await harness(undefined, 2)
    const keys = Array.from({ length: 1_300 }, (_, index) => `k${index}`)
    for (const key of keys) await put(server.catalog, { key })
    const worker = new HandWorker(server, "w", 5_000)
    await server.transport.limit(QUEUE, 5_000)
    server.relay.nudge()
    for (let count = 0; count < 2; count += 1) {
      const delivery = await worker.next()
      await worker.tell((await worker.claim(delivery))!, FAILURE)
      delivery.over()
    }
    expect(server.breaker.state).toBe("open")
    // All that are out come back with nothing.
    while (worker.deliveries.length > 0) {
      const delivery = await worker.next()
      expect(await worker.claim(delivery)).toBeNull()
      delivery.over()
      if (worker.deliveries.length === 0) await server.turn()
    }
    server.clock.time += 2_000
    // Nobody nudges: its own timer has to.
    const probe = await worker.next()
    const order = await worker.claim(probe)
    await worker.tell(order!, proofOf(order!))
    probe.over()
    expect(server.breaker.state).toBe("closed")
    await worker.next()
  })

  it("rests: claims get nothing, no try is burnt, one job probes it", async () => {
    const server = await harness(undefined, 2)
    const worker = new HandWorker(server, "w")
    for (const key of ["a", "b", "c", "d"]) await putOne(server, key)
    for (let count = 0; count < 2; count += 1) {
      const delivery = await worker.next()
      const order = await worker.claim(delivery)
      await worker.tell(order!, FAILURE)
      delivery.over()
    }
    expect(server.breaker.state).toBe("open")
    for (let count = 0; count < 2; count += 1) {
      const delivery = await worker.next()
      expect(await worker.claim(delivery)).toBeNull()
      delivery.over()
    }
    expect(server.catalog.location(BACKEND, "c")?.attempts).toBe(0)
    server.clock.time += 2_000
    server.relay.nudge()
    await server.turn()
    expect(worker.deliveries).toHaveLength(1)
    const probe = await worker.claim(await worker.next())
    await worker.tell(probe!, proofOf(probe!))
    expect(server.breaker.state).toBe("closed")
    await server.turn()
    expect(worker.deliveries.length).toBeGreaterThan(0)
  })
})
