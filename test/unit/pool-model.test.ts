/**
 * The pool under everything that may happen to it, in any order: objects are put, overwritten and deleted while jobs are given out, given out again,
 * doubled and lost; workers stall, wake up late, fail, hand back, and die before they write; the transport forgets; the server starts again. In the end
 * one faithful worker finds everything done that is left to do, and the backend holds what is wanted and nothing else.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { JobOrder, JobPointer } from "../../queues/exchange.ts"
import type { BlobId } from "../../src/core/blob-id.ts"
import { faultsOf, put } from "../contract/catalog.facts.ts"
import { BACKEND, FAILURE, HandWorker, openPoolHarness, type PoolHarness, proofOf, QUEUE } from "./pool-harness.ts"

type Step =
  | { do: "put"; key: string; content: string }
  | { do: "delete"; key: string }
  | { do: "take"; worker: number }
  | { do: "write" | "tell" | "fail" | "return" | "die" | "late"; which: number }
  | { do: "lose" | "double" | "overtake"; which: number }
  | { do: "wipe" }
  | { do: "restart" }
  | { do: "look" }
  | { do: "pass"; ms: number }

const key = fc.constantFrom("a", "a", "b")
const which = fc.nat(2)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("put"), key, content: fc.constantFrom("x", "yy", "zzz") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete"), key }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("take"), worker: fc.nat(1) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("write"), which }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("tell"), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("fail", "return", "die", "late"), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("lose", "double", "overtake"), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("wipe", "restart", "look") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass"), ms: fc.constantFrom(1_000, 12_000, 40_000) }) },
) as fc.Arbitrary<Step>

/** A job that somebody runs, for as long as it may still write. */
interface Running {
  worker: HandWorker
  order: JobOrder
  delivery: { id: string; pointer: unknown; over(): void }
  wrote: boolean
  /** that gave the order */
  server: PoolHarness
}

class World {
  readonly backend = new Map<string, BlobId>()
  readonly running: Running[] = []
  readonly workers: HandWorker[]
  server: PoolHarness
  /** somebody wrote and died without telling, and nobody has noticed yet */
  #died = false

  constructor(server: PoolHarness) {
    this.server = server
    this.workers = ["one", "two"].map((id) => new HandWorker(server, id, 3))
  }

  async apply(step: Step): Promise<void> {
    const { server } = this
    if (step.do === "put") await put(server.catalog, { key: step.key, content: step.content })
    else if (step.do === "delete") await this.#delete(step.key)
    else if (step.do === "take") await this.#take(this.workers[step.worker]!)
    else if (step.do === "wipe") server.transport.wipe()
    else if (step.do === "look") await server.relay.look()
    else if (step.do === "pass") server.clock.time += step.ms
    else if (step.do === "restart") await this.#restart()
    else await this.#drive(step.do, this.running[step.which % Math.max(1, this.running.length)])
    this.server.relay.nudge()
    await this.server.turn()
  }

  async #delete(name: string): Promise<void> {
    if (!this.server.catalog.object(name)) return
    await this.server.catalog.commitDelete({ key: name, time: this.server.clock.time })
  }

  async #take(worker: HandWorker): Promise<void> {
    const delivery = worker.deliveries.shift()
    if (!delivery) return
    const order = await worker.claim(delivery, this.server)
    if (order) this.running.push({ worker, order, delivery, wrote: false, server: this.server })
    else delivery.over()
  }

  /** As after a kill: nothing is said, nothing is stopped in order; only its timers end. */
  async #restart(): Promise<void> {
    // What somebody did who died without telling is known by the claim; a server that starts again before the lease is over has forgotten it.
    if (this.#died) await this.#outwait()
    const before = this.server
    this.server = await openPoolHarness(before)
    before.abandon()
  }

  async #drive(what: Extract<Step, { which: number }>["do"], job?: Running) {
    if (!job) return
    const { worker, order, delivery } = job
    if (what === "write") return this.#write(job)
    if (what === "lose") return this.server.transport.loseLock(QUEUE, delivery.id)
    if (what === "overtake") return this.#overtake(job)
    if (what === "double")
      return this.server.transport.inject(QUEUE, `${delivery.id}-double`, delivery.pointer as JobPointer)
    // A server that starts again does not know of claims before it: what their holders did, and died without telling, only an audit finds.
    if (what === "die" && job.wrote && job.server !== this.server) return
    this.#died ||= what === "die" && job.wrote
    this.running.splice(this.running.indexOf(job), 1)
    if (what === "tell") {
      this.#write(job)
      const held = this.backend.get(keyOf(order)) ?? null
      // As the handler does: wrong bytes under the key would look like a copy to everybody else.
      if (held !== wantOf(order)) this.backend.delete(keyOf(order))
      await worker.tell(order, held === wantOf(order) ? proofOf(order) : FAILURE, this.server)
    } else if (what === "fail") await worker.tell(order, job.wrote ? { type: "late" } : FAILURE, this.server)
    else if (what === "return")
      await worker.tell(order, job.wrote ? { type: "late" } : { type: "returned" }, this.server)
    else if (what === "late") await worker.tell(order, { type: "late" }, this.server)
    if (what !== "die") delivery.over()
    else this.server.transport.loseLock(QUEUE, delivery.id)
  }

  /** Its worker stalls; a newer put of its key is proven by another one meanwhile. Then the first wakes up, and what it does is up to the next steps. */
  async #overtake({ order, delivery }: Running): Promise<void> {
    this.server.transport.loseLock(QUEUE, delivery.id)
    await this.apply({ do: "put", key: keyOf(order), content: `newer than ${this.running.length}` })
    for (const index of this.workers.keys()) await this.apply({ do: "take", worker: index })
    const newer = this.running.findIndex(
      (each) => keyOf(each.order) === keyOf(order) && each.order !== order && !each.wrote,
    )
    if (newer >= 0) await this.apply({ do: "tell", which: newer })
  }

  #write(job: Running): void {
    if (job.wrote) return
    job.wrote = true
    const want = wantOf(job.order)
    if (want) this.backend.set(keyOf(job.order), want)
    else this.backend.delete(keyOf(job.order))
  }

  /** Until every lease is over: only then the server knows of those who died. */
  async #outwait(): Promise<void> {
    await this.apply({ do: "pass", ms: 400_000 })
    await this.apply({ do: "look" })
    this.#died = false
  }

  /** Everybody who still runs ends; then one worker does what is left, for as long as something is. */
  async settle(): Promise<void> {
    while (this.running.length > 0) await this.apply({ do: this.running[0]!.wrote ? "tell" : "return", which: 0 })
    await this.#outwait()
    for (let round = 0; this.server.catalog.counters().outbox > 0; round += 1) {
      if (round > 60) throw new Error(`not settled: ${JSON.stringify([...this.server.catalog.outbox({})])}`)
      await this.server.catalog.commitRetry({ limit: 100, time: this.server.clock.time })
      await this.apply({ do: "pass", ms: 400_000 })
      await this.apply({ do: "look" })
      for (const [index, worker] of this.workers.entries()) {
        while (worker.deliveries.length > 0) await this.apply({ do: "take", worker: index })
      }
      while (this.running.length > 0) await this.apply({ do: "tell", which: 0 })
    }
  }
}

function keyOf({ job }: JobOrder): string {
  if (job.kind !== "sync") throw new Error("only syncs here")
  return job.key
}

function wantOf({ job }: JobOrder): BlobId | null {
  return job.kind === "sync" && job.want ? job.want.id : null
}

describe("the pool", () => {
  it("ends with the backend holding what is wanted and nothing else, whatever happens on the way", async () => {
    const seed = Number(process.env.STORED_SEED ?? Date.now() % 2 ** 31)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 30, size: "max" }), async (steps) => {
        const world = new World(await openPoolHarness())
        for (const each of steps) await world.apply(each)
        await world.settle()
        const { catalog } = world.server
        const wanted = [...catalog.locations(BACKEND)].map((location) => [location.key, location.want])
        expect([...world.backend].sort()).toEqual(wanted.sort())
        expect([...catalog.locations(BACKEND)].every(({ state }) => state === "synced")).toBe(true)
        expect(await faultsOf(catalog)).toEqual([])
        await world.server.end()
      }),
      { numRuns: Number(process.env.STORED_RUNS ?? 1500), seed },
    )
  })
})
