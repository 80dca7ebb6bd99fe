/**
 * Row 38: eviction races reads, puts and holds over a handful of blobs, ten thousand steps in an order that a seed decides. What a put has acknowledged
 * is there and good as long as it is held; what the ledger counts is there and good at the end; nothing else is.
 */
import { setImmediate as turn } from "node:timers/promises"
import { expect, it } from "vitest"
import { isStoredError } from "../../src/core/error.ts"
import { bytesOf, collect, inMemory, streaming } from "../contract/staging-sources.ts"
import { DURABLE, openStaging } from "./staging-open.ts"

/** A small generator of numbers, so that a failing run can be run again. */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const STEPS = 10_000
const LANES = 16

it("evictions, reads, puts and holds of the same blobs at once", { timeout: 240_000 }, async () => {
  const seed = Date.now() >>> 0
  console.info(`seed ${seed}`)
  const next = numbers(seed)
  const { staging, ledger, temporary } = await openStaging()
  const blobs = [10, 1000, 5000, 100_000, 150_000, 300_000].map((size) => bytesOf(size))
  const ids = await Promise.all(
    blobs.map(async (bytes) => ledger.commit(await staging.receive(inMemory(bytes), DURABLE)).id),
  )
  const counts = { put: 0, read: 0, missed: 0, evicted: 0, refused: 0, held: 0 }
  ledger.beforeEvict = async () => {
    for (let turns = next(3); turns > 0; turns -= 1) await turn()
  }

  async function put(index: number): Promise<void> {
    const bytes = blobs[index]!
    const received = await staging.receive(next(2) ? inMemory(bytes) : streaming(bytes), {
      ...DURABLE,
      durable: next(4) === 0,
    })
    expect(await staging.check(received.id, bytes.length)).toBe("good")
    ledger.commit(received)
    counts.put += 1
  }

  async function read(index: number): Promise<void> {
    const bytes = blobs[index]!
    try {
      const stream = await staging.read(ids[index]!, bytes.length)
      for (let turns = next(3); turns > 0; turns -= 1) await turn()
      expect((await collect(stream)).equals(bytes)).toBe(true)
      counts.read += 1
    } catch (error) {
      if (!isStoredError(error) || error.code !== "NOT_FOUND") throw error
      counts.missed += 1
    }
  }

  async function discard(index: number): Promise<void> {
    if (await staging.discard(ids[index]!)) counts.evicted += 1
    else counts.refused += 1
  }

  async function hold(index: number): Promise<void> {
    const id = ids[index]!
    const held = staging.hold(id)
    const before = await staging.check(id, blobs[index]!.length)
    for (let turns = next(4); turns > 0; turns -= 1) await turn()
    // An eviction that was past its decision when the hold came may still have taken it; one that comes later may not.
    if (ledger.rows.has(id) && before === "good") expect(await staging.check(id, blobs[index]!.length)).toBe("good")
    held.release()
    counts.held += 1
  }

  let steps = 0
  const lane = async (): Promise<void> => {
    while (steps < STEPS) {
      steps += 1
      const step = [put, read, read, discard, hold][next(5)]!
      await step(next(blobs.length))
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))

  for (const [index, id] of ids.entries()) {
    expect(await staging.check(id, blobs[index]!.length)).toBe(ledger.rows.has(id) ? "good" : "missing")
  }
  expect((await Array.fromAsync(staging.list())).map(({ id }) => id).toSorted()).toEqual(
    [...ledger.rows.keys()].toSorted(),
  )
  expect(await temporary()).toEqual([])
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(100)
})
