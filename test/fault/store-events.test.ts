/** Events come from the journal: whoever was away, or whose process was, reads on after the last sequence and misses nothing. */
import { join } from "node:path"
import { expect, test } from "vitest"
import type { StoreEvent } from "../../src/core/event.ts"
import type { Store } from "../../src/index.ts"
import { openTestStore, temporaryDirectory } from "../flow/open-store.ts"
import { bytesOf, expectHealthy } from "./store-harness.ts"

/** The events after a sequence, up to the delete of `end`. */
async function untilEnd(store: Store, after: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = []
  for await (const event of store.events({ after })) {
    events.push(event)
    if (event.type === "delete" && event.data.key === "end") break
  }
  return events
}

async function end(store: Store): Promise<void> {
  await store.put(bytesOf(1, 40), { key: "end" })
  await store.delete("end", { wait: 0 })
}

test("after a restart the events before it are read again, the same and in the same order, and then the new ones", async () => {
  const directory = await temporaryDirectory()
  const config = { data: join(directory, "data"), backends: { a: { driver: "fs", root: join(directory, "a") } } }
  const first = await openTestStore(config)
  for (let index = 0; index < 30; index += 1) await first.store.put(bytesOf(index, 50), { key: `k-${index}` })
  await first.store.delete("k-3")
  await first.store.idle()
  await end(first.store)
  const before = await untilEnd(first.store, 0)
  expect(before.filter((event) => event.type === "put")).toHaveLength(31)
  expect(before.filter((event) => event.type === "delete")).toHaveLength(2)
  expect(before.filter((event) => event.type === "sync:complete").length).toBeGreaterThanOrEqual(30)
  const sequences = before.map((event) => event.sequence ?? 0)
  expect(sequences).toEqual(sequences.toSorted((one, other) => one - other))
  expect(new Set(sequences).size).toBe(sequences.length)
  await first.store.idle()
  const last = first.store.status().lastSequence
  await first.store.close()

  const second = await openTestStore(config)
  const { store } = second
  expect(await untilEnd(store, 0)).toEqual(before)
  expect(await untilEnd(store, before[17]?.sequence ?? 0)).toEqual(before.slice(18))
  const live = store.events({ after: last })[Symbol.asyncIterator]()
  const next = live.next()
  await store.put(bytesOf(100, 50), { key: "new" })
  expect((await next).value).toMatchObject({ type: "put", data: { key: "new", version: 1 } })
  await live.return?.()
  await expectHealthy(second)
})

test("a reader that was there from the start and one that comes late see the same, under load", async () => {
  const opened = await openTestStore()
  const { store } = opened
  const reader = untilEnd(store, 0)
  await Promise.all(
    Array.from({ length: 8 }, async (_, client) => {
      for (let index = 0; index < 12; index += 1) {
        await store.put(bytesOf(index, 40), { key: `${client}-${index % 5}` })
        if (index % 4 === 3) await store.delete(`${client}-${index % 5}`, { wait: 0 })
      }
    }),
  )
  await store.idle()
  await end(store)
  const seen = await reader
  expect(seen.filter((event) => event.type === "put")).toHaveLength(8 * 12 + 1)
  expect(await untilEnd(store, 0)).toEqual(seen)
  const journal = [...store.journal()].map((record) => record.sequence)
  expect(journal).toEqual(Array.from({ length: journal.length }, (_, index) => index + 1))
  await expectHealthy(opened)
})
