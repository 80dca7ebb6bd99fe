/** After `close` nothing is taken any more, and what waited has ended. */
import { expect, test } from "vitest"
import { type OpenFace, text, withHungBackend } from "./harness.ts"

export function closingCases(open: OpenFace): void {
  test("every verb refuses with CLOSED, and closing twice is closing once", async () => {
    const { store } = await open()
    await store.put(text, { key: "k", durability: "all" })
    await Promise.all([store.close(), store.close()])
    await store.close()
    const calls = {
      put: () => store.put(text, { key: "l" }),
      get: () => store.get("k"),
      open: () => store.open("k"),
      delete: () => store.delete("k"),
      list: () => Array.fromAsync(store.list()),
      synced: () => store.synced("k"),
      addBackend: () => store.addBackend("c", { driver: "memory" }),
      removeBackend: () => store.removeBackend("a"),
      pauseBackend: () => store.pauseBackend("a"),
      resumeBackend: () => store.resumeBackend("a"),
      scan: () => store.scan("a"),
      pauseScan: () => store.pauseScan("a"),
      cancelScan: () => store.cancelScan("a"),
      drift: () => Array.fromAsync(store.drift("a")),
      heal: () => store.heal("a"),
      evict: () => store.cache.evict("all"),
      clear: () => store.cache.clear(),
      retry: () => store.retry(),
      idle: () => store.idle(),
    }
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject({ code: "CLOSED" })
    }
  })

  test("waits end with CLOSED, events end", async () => {
    const { store, reached } = await withHungBackend(open)
    await store.put(text, { key: "k" })
    await reached
    const first = Promise.withResolvers<void>()
    const reading = (async () => {
      for await (const _event of store.events({ after: 0 })) first.resolve()
    })()
    await first.promise
    const ends = Promise.allSettled([store.synced("k"), store.idle()])
    await store.close({ deadline: 50 })
    for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: { code: "CLOSED" } })
    await reading
  })
}
