/** Backends that are paused, and such as may begin only so many jobs in a time. */
import { expect, test } from "vitest"
import { memoryBackend } from "../../flow/open-store.ts"
import { type OpenFace, text } from "./harness.ts"

export function pauseCases(open: OpenFace): void {
  test("a paused backend gets nothing and fails nothing, synced waits, and all of it comes once it is resumed", async () => {
    const { store, opened } = await open()
    expect(await store.pauseBackend("b")).toMatchObject({ name: "b", paused: true })
    await store.put(text, { key: "k" })
    await store.synced("k", { backends: ["a"] })
    await store.idle()
    expect(await memoryBackend(opened, "b").stat("k")).toBeNull()
    expect(await store.getBackend("b")).toMatchObject({ paused: true, pending: 1, failed: 0 })
    expect((await store.status()).backends).toMatchObject([{ paused: false }, { paused: true }])

    const waiting = store.synced("k")
    expect(await store.resumeBackend("b")).toMatchObject({ name: "b", paused: false })
    const { locations } = await waiting
    expect(locations.map(({ backend, synced }) => [backend, synced])).toEqual([
      ["a", true],
      ["b", true],
    ])
    const [{ attempts } = { attempts: -1 }] = [opened.services.catalog.location("b", "k")].filter(
      (each) => each !== null,
    )
    expect(attempts).toBe(0)
  })

  test("a pause is journalled once, however often it is said, and so is its end", async () => {
    const { store } = await open()
    const { lastSequence: after } = await store.status()
    for (const _ of [1, 2]) await store.pauseBackend("a")
    for (const _ of [1, 2]) await store.resumeBackend("a")
    const records = await Array.fromAsync(store.journal({ after }))
    expect(records.map(({ command, backend }) => [command, backend])).toEqual([
      ["backend-pause", "a"],
      ["backend-resume", "a"],
    ])
  })

  test("copies on a paused backend are read, and it can be removed and added anew", async () => {
    const { store } = await open()
    await store.put(text, { key: "k", durability: "all" })
    await store.pauseBackend("b")
    expect(await store.get("k", { backend: "b" })).toEqual(text)
    await store.removeBackend("b")
    expect(await store.addBackend("b", { driver: "memory" })).toMatchObject({ paused: false })
  })

  test("an unknown backend is neither paused nor resumed", async () => {
    const { store } = await open()
    for (const name of ["nowhere", "../a", "a/pause"]) {
      await expect(store.pauseBackend(name)).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
      await expect(store.resumeBackend(name)).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
    }
  })

  test("a rate limit is shown and obeyed", async () => {
    const { store } = await open({ backends: { a: { driver: "memory", rateLimit: { max: 2, per: 3_600_000 } } } })
    expect(await store.getBackend("a")).toMatchObject({ rateLimit: { max: 2, per: 3_600_000 } })
    const begun: string[] = []
    store.on("sync:start", ({ key }) => void begun.push(key))
    for (const key of ["k1", "k2", "k3"]) await store.put(text, { key })
    await Promise.all(["k1", "k2"].map((key) => store.synced(key)))
    expect((await store.getBackend("a")).pending).toBe(1)
    expect(begun).toEqual(["k1", "k2"])
  })

  test.each([{ max: 0, per: 1_000 }, { max: "1", per: 1_000 }, { max: 1, per: 0 }, 5])(
    "a rate limit %j is refused",
    async (rateLimit) => {
      const { store } = await open()
      await expect(store.addBackend("c", { driver: "memory", rateLimit })).rejects.toMatchObject({
        code: "INVALID_CONFIG",
      })
    },
  )
}
