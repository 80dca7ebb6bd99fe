/** The server's part of the pool where a backend is paused, or may begin only so many jobs in a time. */
import { describe, expect, it } from "vitest"
import type { RateLimit } from "../../src/core/rate-limit.ts"
import { put } from "../contract/catalog.facts.ts"
import { BACKEND, HandWorker, type PoolHarness, poolHarnesses, proofOf, QUEUE } from "./pool-harness.ts"

const open = poolHarnesses()

const harness = (rateLimit?: RateLimit) => open(undefined, undefined, rateLimit)

async function putAll(server: PoolHarness, keys: string[]): Promise<void> {
  for (const key of keys) await put(server.catalog, { key, content: key })
  server.relay.nudge()
  await server.turn()
}

describe("a backend of a pool", () => {
  it("that is paused gives no orders, of what is out neither, and no try is burnt", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putAll(server, ["sent"])
    const delivery = await worker.next()
    server.relay.gate.pause()
    expect(await worker.claim(delivery)).toBeNull()
    delivery.over()
    await putAll(server, ["later"])
    await server.relay.look()
    expect(worker.deliveries).toEqual([])
    expect(server.catalog.due(QUEUE, { now: server.clock.time, limit: 9 }).map(({ attempts }) => attempts)).toEqual([
      0, 0,
    ])

    server.relay.gate.resume()
    server.relay.nudge()
    await server.turn()
    for (const _ of ["sent", "later"]) {
      const order = await worker.claim(await worker.next())
      await worker.tell(order!, proofOf(order!))
    }
    expect(["sent", "later"].map((key) => server.catalog.location(BACKEND, key)?.state)).toEqual(["synced", "synced"])
  })

  it("lets what was claimed before the pause come to its end", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putAll(server, ["a"])
    const order = await worker.claim(await worker.next())
    server.relay.gate.pause()
    expect(await worker.tell(order!, proofOf(order!))).toBe("applied")
  })

  it("with a rate limit sends no more than may begin, and gives so many orders to all workers together", async () => {
    const server = await harness({ max: 3, per: 1_000 })
    const workers = [new HandWorker(server, "one", 5), new HandWorker(server, "two", 5)]
    const sent = () => workers.flatMap(({ deliveries }) => deliveries.splice(0))
    await putAll(server, ["a", "b", "c", "d", "e"])
    const first = sent()
    expect(first).toHaveLength(3)
    const orders = await Promise.all(first.map((delivery, index) => workers[index % 2]!.claim(delivery)))
    for (const order of orders) await workers[0]!.tell(order!, proofOf(order!))
    for (const delivery of first) delivery.over()
    server.clock.time += 999
    server.relay.nudge()
    await server.turn()
    expect(sent()).toEqual([])
    server.clock.time += 1
    server.relay.nudge()
    await server.turn()
    expect(sent()).toHaveLength(2)
  })

  it("with a rate limit gives no order beyond it, whoever asks, and at once in one message", async () => {
    const server = await harness({ max: 2, per: 1_000 })
    const worker = new HandWorker(server, "w")
    await putAll(server, ["a", "b", "c"])
    const deliveries = [await worker.next(), await worker.next()]
    // The same parcels given out again are further starts.
    const claims = [...deliveries, ...deliveries].map(({ id, pointer }, ref) => ({
      ref,
      jobId: id,
      pointer: pointer as never,
    }))
    const { claims: answers } = await worker.say({ claims, results: [] })
    expect(answers.filter(({ order }) => order !== null)).toHaveLength(2)
  })
})
