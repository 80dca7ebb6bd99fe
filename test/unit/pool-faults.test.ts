/** The server's part of the pool where something else goes wrong: workers that die, rows that are bad, backends that go or keep failing. */
import { describe, expect, it } from "vitest"
import type { Delivery } from "../../queues/transport.ts"
import { put } from "../contract/catalog.facts.ts"
import {
  BACKEND,
  FAILURE,
  HandWorker,
  type PoolHarness,
  poolHarnesses,
  proofOf,
  putOne,
  stateOf,
} from "./pool-harness.ts"

const harness = poolHarnesses()

async function nextOf(worker: HandWorker, key: string): Promise<Delivery> {
  for (;;) {
    const delivery = await worker.next()
    if ((delivery.pointer as { key: string }).key === key) return delivery
    delivery.over()
  }
}

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

describe("a job whose workers die", () => {
  const LEASE = 30_000

  /** So many deliveries, each to another worker, none of which is heard of again but the one that speaks. */
  async function kill(server: PoolHarness, key: string, deliveries: number, speaker = -1) {
    const twin = { version: 1, kind: "sync", backend: BACKEND, key, generation: 1 }
    for (let index = 0; index < deliveries; index += 1) {
      const worker = new HandWorker(server, `worker-${index}`, 0)
      const order = await worker.claim({ id: `parcel-${index}`, pointer: twin })
      expect(order, `worker ${index}`).not.toBeNull()
      if (index === speaker) await worker.tell(order!, { type: "returned" })
      server.clock.time += LEASE
      await server.turn()
    }
    return new HandWorker(server, "the last", 0).claim({ id: "last", pointer: twin })
  }

  it("ten times in a row is given up with what to do, and the others go on", async () => {
    const server = await harness()
    await putOne(server, "poison")
    await putOne(server, "other")
    expect(await kill(server, "poison", 10)).toBeNull()
    expect(stateOf(server, "poison")).toBe("failed")
    const error = { code: "WORKER_LOST", message: expect.stringMatching(/retry it/), retryable: false }
    expect(server.catalog.location(BACKEND, "poison")?.error).toMatchObject(error)
    expect(server.catalog.counters()).toMatchObject({ parked: 1 })
    const worker = new HandWorker(server, "healthy")
    const order = await worker.claim(await nextOf(worker, "other"))
    expect(await worker.tell(order!, proofOf(order!))).toBe("applied")
    // What the dead have claimed is over one day; what was given up stays so.
    server.clock.time += 1_000_000
    await server.relay.look()
    expect(stateOf(server, "poison")).toBe("failed")
  })

  it("now and then is not given up", async () => {
    const server = await harness()
    await putOne(server, "unlucky")
    expect(await kill(server, "unlucky", 14, 7)).not.toBeNull()
    expect(stateOf(server, "unlucky")).toBe("pending")
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
