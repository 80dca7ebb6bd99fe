/** What every transport does for the relay and for workers, whatever carries the parcels. */
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { JobPointer } from "../../queues/exchange.ts"
import {
  type Delivery,
  type Intake,
  type IntakeOpener,
  NotUnderstood,
  type Parcel,
  type Transport,
} from "../../queues/transport.ts"

export interface TransportEnds {
  transport: Transport
  intakes: IntakeOpener
  /** Forgets everything that was sent. */
  wipe(): Promise<void>
  end(): Promise<void>
}

/** of a job that is not understood; implementations that wait in between are opened with short pauses */
const MOST_TAKES = 9

let turn = 0

function parcel(id: string, key = id): Parcel {
  const pointer: JobPointer = { version: 1, kind: "sync", backend: "b", key, generation: 1 }
  return { id, pointer }
}

/** Resolves once it was called so often. */
class Count {
  readonly #waiters: [number, () => void][] = []
  value = 0

  add(): void {
    this.value += 1
    for (const [count, resolve] of this.#waiters) if (this.value >= count) resolve()
  }

  reaches(count: number): Promise<void> {
    if (this.value >= count) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push([count, resolve]))
  }
}

export function transportSuite(name: string, open: () => Promise<TransportEnds>): void {
  describe(`transport: ${name}`, () => {
    let ends: TransportEnds
    let queue: string

    beforeEach(async () => {
      ends = await open()
      queue = `sync-q${turn++}`
      await ready(ends.transport)
    })

    afterEach(async () => {
      await ends.end()
    })

    it("carries what was sent before and after somebody takes, in order", async () => {
      const { transport, intakes } = ends
      const got: Delivery[] = []
      const count = new Count()
      await transport.send(queue, [parcel("a"), parcel("b")])
      intakes.open(queue, {
        concurrency: 1,
        take: async (delivery) => {
          got.push(delivery)
          count.add()
        },
      })
      await count.reaches(2)
      await transport.send(queue, [parcel("c")])
      await count.reaches(3)
      expect(got.map(({ id }) => id)).toEqual(["a", "b", "c"])
      expect(got[0]!.pointer).toEqual(parcel("a").pointer)
    })

    it("gives out again what somebody did not understand, and holds it meanwhile", async () => {
      const { transport, intakes } = ends
      const refused = new Count()
      await transport.send(queue, [parcel("a"), parcel("b")])
      const old = intakes.open(queue, {
        concurrency: 1,
        take: async ({ id }) => {
          if (id === "b") return
          refused.add()
          throw new NotUnderstood(2)
        },
      })
      await refused.reaches(2)
      expect(await transport.missing(queue, ["a"])).toEqual([])
      await old.close()
      const taken = Promise.withResolvers<Delivery>()
      intakes.open(queue, { concurrency: 1, take: async (delivery) => taken.resolve(delivery) })
      expect(await taken.promise).toMatchObject(parcel("a"))
    })

    it("lets go of what nobody has understood often enough", async () => {
      const { transport, intakes } = ends
      await transport.send(queue, [parcel("a")])
      const refused = new Count()
      intakes.open(queue, {
        concurrency: 1,
        take: async () => {
          refused.add()
          throw new NotUnderstood(2)
        },
      })
      await refused.reaches(MOST_TAKES)
      while ((await transport.missing(queue, ["a"])).length === 0) await new Promise((resume) => setImmediate(resume))
      expect(refused.value).toBe(MOST_TAKES)
    })

    it("does not carry an id twice while it holds it, and carries it again afterwards", async () => {
      const { transport, intakes } = ends
      const got: unknown[] = []
      const count = new Count()
      await transport.send(queue, [parcel("a", "first")])
      await transport.send(queue, [parcel("a", "second")])
      intakes.open(queue, {
        concurrency: 1,
        take: async ({ pointer }) => {
          got.push((pointer as { key: string }).key)
          count.add()
        },
      })
      await count.reaches(1)
      await gone(transport, queue, "a")
      expect(got).toEqual(["first"])
      await transport.send(queue, [parcel("a", "third")])
      await count.reaches(2)
      expect(got).toEqual(["first", "third"])
    })

    it("tells which ids it lacks, and holds what is given out until it is over", async () => {
      const { transport, intakes } = ends
      await transport.send(queue, [parcel("a"), parcel("b")])
      expect(await transport.missing(queue, ["a", "x", "b"])).toEqual(["x"])
      let release = (): void => {}
      const started = new Promise<void>((resolve) => {
        intakes.open(queue, {
          concurrency: 1,
          take: async ({ id }) => {
            resolve()
            if (id === "a") await new Promise<void>((end) => (release = end))
          },
        })
      })
      await started
      expect(await transport.missing(queue, ["a", "b"])).toEqual([])
      release()
      await gone(transport, queue, "a")
      await gone(transport, queue, "b")
    })

    it("runs no more jobs at a time than the intakes take", async () => {
      const { transport, intakes } = ends
      let running = 0
      let most = 0
      const count = new Count()
      const take = async (): Promise<void> => {
        running += 1
        most = Math.max(most, running)
        await new Promise((resume) => setTimeout(resume, 5))
        running -= 1
        count.add()
      }
      await transport.send(
        queue,
        Array.from({ length: 40 }, (_, index) => parcel(`n${index}x`)),
      )
      intakes.open(queue, { concurrency: 2, take })
      intakes.open(queue, { concurrency: 1, take })
      await count.reaches(40)
      expect(most).toBeLessThanOrEqual(3)
      expect(most).toBeGreaterThan(1)
    })

    it("lets go of a job whose take fails", async () => {
      const { transport, intakes } = ends
      await transport.send(queue, [parcel("a")])
      const count = new Count()
      intakes.open(queue, {
        concurrency: 1,
        take: async () => {
          count.add()
          throw new Error("broken")
        },
      })
      await count.reaches(1)
      await gone(transport, queue, "a")
      expect(count.value).toBe(1)
    })

    it("that forgot everything says so, and carries on", async () => {
      const { transport, intakes } = ends
      await transport.send(queue, [parcel("a"), parcel("b")])
      await ends.wipe()
      expect(await transport.missing(queue, ["a", "b"])).toEqual(["a", "b"])
      const got: string[] = []
      const count = new Count()
      intakes.open(queue, {
        concurrency: 1,
        take: async ({ id }) => {
          got.push(id)
          count.add()
        },
      })
      await transport.send(queue, [parcel("a")])
      await count.reaches(1)
      expect(got).toEqual(["a"])
    })

    it("forgets a queue, and takes a new one of its name", async () => {
      const { transport } = ends
      await transport.send(queue, [parcel("a")])
      await transport.forget(queue)
      expect(await transport.missing(queue, ["a"])).toEqual(["a"])
      await transport.send(queue, [parcel("a")])
      expect(await transport.missing(queue, ["a"])).toEqual([])
    })

    it("gives nothing to an intake that pauses, which still ends what it has", async () => {
      const { transport, intakes } = ends
      await transport.send(queue, [parcel("a")])
      let release = (): void => {}
      let intake: Intake | null = null
      const taken: string[] = []
      const first = new Promise<void>((resolve) => {
        intake = intakes.open(queue, {
          concurrency: 1,
          take: async ({ id }) => {
            taken.push(id)
            resolve()
            await new Promise<void>((end) => (release = end))
          },
        })
      })
      await first
      intake!.pause()
      await transport.send(queue, [parcel("b")])
      release()
      await gone(transport, queue, "a")
      const other = new Count()
      intakes.open(queue, { concurrency: 1, take: async () => other.add() })
      await other.reaches(1)
      expect(taken).toEqual(["a"])
    })
  })
}

function ready(transport: Transport): Promise<void> {
  if (transport.isReady) return Promise.resolve()
  return new Promise((resolve) => {
    const end = transport.onReady(() => {
      end()
      resolve()
    })
  })
}

/** A job is over a moment after its take is; nothing tells when. */
async function gone(transport: Transport, queue: string, id: string): Promise<void> {
  const end = Date.now() + 10_000
  while ((await transport.missing(queue, [id])).length === 0) {
    if (Date.now() > end) throw new Error(`${id} is still there after 10 s.`)
    await new Promise((resume) => setTimeout(resume, 5))
  }
}
