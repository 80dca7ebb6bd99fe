/** Whoever hears of an event, live or from the journal, and asks then, is told of what the event tells of, or of something newer. */
import { expect, it } from "vitest"
import { openTestStore } from "./open-store.ts"

const KEYS = ["a", "b", "c"]
const TURNS = 30

it("what an event tells of is there for whoever asks then", async () => {
  const { store, services } = await openTestStore()
  const control = new AbortController()
  const heard: string[] = []
  const follow = async (): Promise<void> => {
    for await (const event of store.events({ after: 0, signal: control.signal })) {
      expect(services.catalog.lastSequence()).toBeGreaterThanOrEqual(event.sequence!)
      if (event.type !== "put") continue
      const { key, version, checksum } = event.data
      const found = await store.stat(key)
      expect(found!.version).toBeGreaterThanOrEqual(version)
      expect(found!.locations).toHaveLength(2)
      if (found!.version === version) expect(found!.id).toBe(checksum)
      heard.push(`${key} ${version}`)
      // The journal is read again at any moment of a commit.
      for (let turn = 0; turn < heard.length % 7; turn += 1) await new Promise((resume) => setImmediate(resume))
      if (heard.length === KEYS.length * TURNS) control.abort()
    }
  }
  // Rows that are asked for all the time are held in memory.
  const ask = async (): Promise<void> => {
    while (!control.signal.aborted) {
      for (const key of KEYS) await store.stat(key)
      await new Promise((resume) => setImmediate(resume))
    }
  }
  const following = Promise.all([follow().finally(() => control.abort()), ask()])
  const write = async (key: string): Promise<void> => {
    for (let turn = 1; turn <= TURNS; turn += 1) {
      const { version } = await store.put(Buffer.from(`${key} ${turn}`), { key })
      expect((await store.stat(key))!.version).toBe(version)
    }
  }
  await Promise.all([following, ...KEYS.map(write)])
  expect(new Set(heard).size).toBe(KEYS.length * TURNS)
})
