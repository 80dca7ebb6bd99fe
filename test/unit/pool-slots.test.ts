/** No more jobs of a backend at a time than it takes, over all workers, the dead ones left out. */
import { describe, expect, it } from "vitest"
import { HandWorker, type PoolHarness, poolHarnesses, proofOf, putOne } from "./pool-harness.ts"

const harness = poolHarnesses()
/** of the harness */
const MOST = 4

async function putSome(server: PoolHarness, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await putOne(server, `k${index}`)
}

describe("with as many jobs as a backend takes", () => {
  it("whoever claims one more is told to wait, and may begin once one has ended", async () => {
    const server = await harness()
    const [first, second] = [new HandWorker(server, "first", 3), new HandWorker(server, "second", 3)]
    await putSome(server, 6)
    const orders = [await first.claim(await first.next()), await first.claim(await first.next())]
    orders.push(await second.claim(await second.next()), await second.claim(await second.next()))
    expect(orders.map((order) => order === null)).toEqual(Array(MOST).fill(false))
    const late = await second.next()
    const answer = await second.ask(late)
    expect(answer).toEqual({ ref: 7, order: null, wait: expect.any(Number) })
    expect(answer.wait).toBeLessThan(100)
    // It waits with its parcel: nothing is sent anew, and nothing is taken from it.
    expect(await server.transport.missing(server.relay.queue, [late.id])).toEqual([])
    await first.tell(orders[0]!, proofOf(orders[0]!))
    expect((await second.ask(late)).order).toMatchObject({ job: { kind: "sync" } })
    expect((await first.ask(await first.next())).wait).toBeGreaterThan(0)
  })

  it("a message with many claims gets no more orders than there is room for", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putSome(server, 7)
    const claims = []
    for (let ref = 0; ref < 7; ref += 1) {
      const { id, pointer } = await worker.next()
      claims.push({ ref, jobId: id, pointer: pointer as never })
    }
    const answer = await worker.say({ claims, results: [] })
    expect(answer.claims.filter(({ order }) => order !== null)).toHaveLength(MOST)
    expect(answer.claims.filter(({ wait }) => wait !== undefined)).toHaveLength(3)
  })

  it("the more wait, the longer each does", async () => {
    const server = await harness()
    const worker = new HandWorker(server, "w")
    await putSome(server, 40)
    for (let count = 0; count < MOST; count += 1) await worker.claim(await worker.next())
    const waits: number[] = []
    for (let count = MOST; count < 40; count += 1) waits.push((await worker.ask(await worker.next())).wait!)
    expect(waits).toEqual(waits.toSorted((a, b) => a - b))
    expect(waits.at(-1)).toBeGreaterThan(2 * waits[0]!)
    await server.relay.look()
    await putOne(server, "one more")
    expect((await worker.ask(await worker.next())).wait).toBe(waits[0])
  })
})

describe("a worker that was killed", () => {
  it("makes room at once, though what it claimed stays its own until its lease is over", async () => {
    const server = await harness()
    const [dead, other] = [new HandWorker(server, "dead", MOST), new HandWorker(server, "other")]
    await putSome(server, 5)
    const orders = []
    for (let count = 0; count < MOST; count += 1) orders.push(await dead.claim(await dead.next()))
    const delivery = await other.next()
    expect((await other.ask(delivery)).wait).toBeGreaterThan(0)
    dead.link.abort()
    expect((await other.ask(delivery)).wait, "it may come back by another connection").toBeGreaterThan(0)
    server.clock.time += 1_000
    expect((await other.ask(delivery)).order).toMatchObject({ job: { key: "k4" } })
    const twin = { id: "twin", pointer: { version: 1, kind: "sync", backend: "local", key: "k0", generation: 1 } }
    expect(await other.ask(twin)).toEqual({ ref: 7, order: null })
  })

  it("counts again when it is heard by another connection, and the end of the old one says nothing then", async () => {
    const server = await harness()
    const [worker, other] = [new HandWorker(server, "worker", MOST), new HandWorker(server, "other")]
    await putSome(server, 5)
    for (let count = 0; count < MOST; count += 1) await worker.claim(await worker.next())
    const before = worker.link
    worker.link = new AbortController()
    await worker.say({ claims: [], results: [] })
    before.abort()
    server.clock.time += 2_000
    expect((await other.ask(await other.next())).wait).toBeGreaterThan(0)
  })
})
