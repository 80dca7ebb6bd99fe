/** Events: replayed and live, each once and in order; listeners that come and go. */
import { expect, test } from "vitest"
import type { StoreEvents } from "../../../src/core/event.ts"
import { memoryBackend } from "../../flow/open-store.ts"
import { heard, type OpenFace, take, text } from "./harness.ts"

export function eventCases(open: OpenFace): void {
  test("a listener hears what is done after `on`, also by this very caller in the next line", async () => {
    const { store } = await open()
    const { listener, first } = heard<StoreEvents["put"]>()
    store.on("put", listener)
    const { id } = await store.put(text, { key: "k" })
    expect(await first).toEqual({ checksum: id, key: "k", version: 1, size: text.length, replaced: null })
  })

  test("it is told the sequence and time of the fact; hints have no sequence", async () => {
    const { store } = await open({ backends: { a: { driver: "memory" } } })
    const facts: [string, number | null][] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    store.on("sync:start", (_data, { sequence }) => void facts.push(["start", sequence]))
    store.on("sync:complete", (_data, { sequence, time }) => {
      facts.push(["complete", sequence])
      if (Math.abs(Date.now() - time) < 60_000) resolve()
    })
    await store.put(text, { key: "k" })
    await promise
    expect(facts).toContainEqual(["start", null])
    expect(facts).toContainEqual(["complete", expect.any(Number)])
  })

  test("one that is taken away hears nothing more, by `off` and by what `on` gave; others go on", async () => {
    const { store } = await open()
    const first = heard<StoreEvents["put"]>()
    const second = heard<StoreEvents["put"]>()
    const third = heard<StoreEvents["delete"]>()
    const stop = store.on("put", first.listener)
    store.on("put", second.listener)
    store.on("delete", third.listener)
    await store.put(text, { key: "1" })
    await Promise.all([first.first, second.first])
    stop()
    store.off("put", second.listener)
    await store.put(text, { key: "2" })
    await store.delete("1")
    await third.first
    expect([first.all, second.all].map((all) => all.map(({ key }) => key))).toEqual([["1"], ["1"]])
    // And one that comes after the last one went is heard again.
    store.off("delete", third.listener)
    const again = heard<StoreEvents["put"]>()
    store.on("put", again.listener)
    await store.put(text, { key: "3" })
    expect(await again.first).toMatchObject({ key: "3" })
  })

  test("a listener that throws harms nobody else", async () => {
    const { store } = await open()
    store.on("put", () => {
      throw new Error("the listener's own")
    })
    const { listener, first } = heard<StoreEvents["put"]>()
    store.on("put", listener)
    await store.put(text, { key: "k" })
    expect(await first).toMatchObject({ key: "k" })
  })

  test("events after a sequence come first, then live ones, each once, in the journal's order", async () => {
    const { store } = await open({ backends: { a: { driver: "memory" } } })
    for (let index = 0; index < 20; index += 1) await store.put(Buffer.from(`${index}`), { key: `${index}` })
    await store.idle()
    const after = (await store.status()).lastSequence
    const control = new AbortController()
    const puts: string[] = []
    const sequences: number[] = []
    const reading = (async () => {
      for await (const event of store.events({ after: 0, signal: control.signal })) {
        sequences.push(event.sequence!)
        if (event.type === "put") puts.push(event.data.key)
        if (event.sequence === after) await store.put(text, { key: "live" })
        if (puts.at(-1) === "live") break
      }
    })()
    await reading
    expect(puts).toEqual([...Array.from({ length: 20 }, (_, index) => `${index}`), "live"])
    expect(sequences).toEqual([...new Set(sequences)].toSorted((a, b) => a - b))
    const [next] = await take(store.events({ after: sequences.at(-2)! }), 1)
    expect(next).toMatchObject({ type: "put", data: { key: "live" } })
  })

  test("where they begin is settled by the call, not by the first read", async () => {
    const { store } = await open()
    await store.put(text, { key: "before" })
    await store.idle()
    const events = store.events()
    await store.put(Buffer.from("other"), { key: "after" })
    expect(await take(events, 1)).toMatchObject([{ type: "put", data: { key: "after" } }])
  })

  test("they tell of deletes, of copies, of copies given up, of backends", async () => {
    const { store, opened } = await open({}, { retry: { maxAttempts: 1, baseDelay: 1 } })
    memoryBackend(opened, "b").intercept = (operation) => {
      if (operation === "put") throw new Error("it is off")
    }
    await store.put(text, { key: "k" })
    await store.idle()
    await store.addBackend("c", { driver: "memory" })
    await store.removeBackend("c")
    await store.delete("k")
    const last = (await store.status()).lastSequence
    const seen = new Map<string, unknown>()
    for await (const event of store.events({ after: 0 })) {
      seen.set(event.type, event.data)
      if (event.type === "delete") break
    }
    expect(last).toBeGreaterThanOrEqual(seen.size)
    expect(Object.fromEntries(seen)).toMatchObject({
      put: { key: "k" },
      "sync:complete": { key: "k", backend: "a" },
      "sync:error": { key: "k", backend: "b", error: { code: expect.any(String), message: expect.any(String) } },
      "backend:add": { backend: "c", driver: "memory" },
      "backend:remove": { backend: "c" },
      delete: { key: "k", backends: ["a", "b"] },
    })
  })
}
