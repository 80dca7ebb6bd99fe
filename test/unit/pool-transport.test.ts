/** The server's part of the pool where its transport forgets, is away, or gives out again; and where the server itself starts again. */
import { describe, expect, it } from "vitest"
import { HandWorker, poolHarnesses, proofOf, putOne, stateOf } from "./pool-harness.ts"

const harness = poolHarnesses()

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
    // A kill: nobody stops anything.
    const after = await harness(before)
    after.relay.nudge()
    await after.turn()
    expect(await worker.tell(order!, proofOf(order!), after)).toBe("applied")
    expect(stateOf(after, "a")).toBe("synced")
    await before.end()
  })
})
