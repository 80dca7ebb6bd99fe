/** Requests with an idempotency key: one effect, however often they are sent (RELIABILITY P10). */
import { expect, test } from "vitest"
import { keysOf, type OpenFace, text } from "./harness.ts"

const KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"

function watched() {
  const seen = { repeats: 0 }
  const onRepeat = (): void => {
    seen.repeats += 1
  }
  return { seen, once: { idempotencyKey: KEY, onRepeat } }
}

export function onceCases(open: OpenFace): void {
  test("a put that is sent again has one effect and the same answer, though its condition would fail by now", async () => {
    const { store } = await open()
    const { seen, once } = watched()
    const { locations: _, modified: __, ...first } = await store.put(text, { key: "k", ifAbsent: true, ...once })
    expect(seen.repeats).toBe(0)
    expect(await store.put(text, { key: "k", ifAbsent: true, ...once })).toMatchObject(first)
    expect([seen.repeats, (await store.stat("k"))?.version]).toEqual([1, 1])
  })

  test("also where the object has been deleted since: it does not come back", async () => {
    const { store, opened } = await open()
    const { seen, once } = watched()
    const { id } = await store.put(text, { key: "k", durability: "all", ...once })
    await store.delete("k")
    await store.idle()
    expect(await store.put(text, { key: "k", ...once })).toMatchObject({ id, key: "k", isNew: true })
    expect([seen.repeats, await keysOf(store)]).toEqual([1, []])
    // Nor do its bytes.
    expect(await Array.fromAsync(opened.services.staging.list())).toEqual([])
  })

  test.each([
    ["other bytes", Buffer.from("other"), { key: "k" }],
    ["another key", text, { key: "l" }],
    ["other metadata", text, { key: "k", metadata: { n: 2 } }],
  ])("%s under the same idempotency key are KEY_REUSED, and nothing has changed", async (_, bytes, options) => {
    const { store } = await open()
    await store.put(text, { key: "k", idempotencyKey: KEY })
    const again = store.put(bytes, { ...options, idempotencyKey: KEY })
    await expect(again).rejects.toMatchObject({ code: "KEY_REUSED", retryable: false })
    expect([await keysOf(store), (await store.stat("k"))?.version]).toEqual([["k"], 1])
  })

  test("a put that was refused can be sent again", async () => {
    const { store } = await open()
    const { seen, once } = watched()
    await expect(store.put(text, { key: "k", ifVersion: 4, ...once })).rejects.toMatchObject({ code: "CONFLICT" })
    expect(await store.put(text, { key: "k", ...once })).toMatchObject({ version: 1 })
    expect(seen.repeats).toBe(0)
  })

  test("deletes, copies and moves likewise, each kind by itself", async () => {
    const { store } = await open()
    const { seen, once } = watched()
    await store.put(text, { key: "k", durability: "all", ...once })
    const copied = await store.copy("k", "l", once)
    const moved = await store.move("k", "m", once)
    const deleted = await store.delete("l", once)
    expect(seen.repeats).toBe(0)
    expect(await store.copy("k", "l", once)).toMatchObject({ key: "l", version: copied.version, isNew: true })
    expect(await store.move("k", "m", once)).toMatchObject({ key: "m", version: moved.version, isNew: true })
    expect(await store.delete("l", once)).toMatchObject({ id: deleted.id })
    expect([seen.repeats, await keysOf(store)]).toEqual([3, ["m"]])
    await expect(store.delete("m", once)).rejects.toMatchObject({ code: "KEY_REUSED" })
  })

  test("of a list of deletes and of copies each is done once", async () => {
    const { store } = await open()
    const { seen, once } = watched()
    await store.put(text, { key: "k" })
    const first = await store.deleteMany(["k", "none"], once)
    await store.put(text, { key: "k" })
    expect(seen.repeats).toBe(0)
    expect(await store.deleteMany(["k", "none"], once)).toEqual(first)
    expect([seen.repeats, await store.has("k")]).toEqual([1, true])
    await expect(store.deleteMany(["l"], once)).rejects.toMatchObject({ code: "KEY_REUSED" })

    const copies = [{ from: "k", to: "l" }]
    const again = { idempotencyKey: KEY }
    const copied = await Array.fromAsync(store.copyMany(copies, again))
    expect(await Array.fromAsync(store.copyMany(copies, again))).toEqual(copied)
    expect((await store.stat("l"))?.version).toBe(1)
    const others = Array.fromAsync(store.copyMany([{ from: "l", to: "k" }], again))
    await expect(others).rejects.toMatchObject({ code: "KEY_REUSED" })
  })

  test("of two that are sent at once one is done; the other one is told to ask again, or that it was done", async () => {
    const { store } = await open()
    const puts = Array.from({ length: 4 }, () => store.put(text, { key: "k", idempotencyKey: KEY }))
    const ends = await Promise.allSettled(puts)
    const refused = ends.filter((end) => end.status === "rejected").map(({ reason }) => reason as { code: string })
    expect(new Set(refused.map(({ code }) => code)).size).toBeLessThanOrEqual(1)
    for (const error of refused) expect(error).toMatchObject({ code: "CONFLICT", retryable: true })
    expect((await store.stat("k"))?.version).toBe(1)
    expect(await store.put(text, { key: "k", idempotencyKey: KEY })).toMatchObject({ version: 1 })
  })

  test.each(["", "two words", "x".repeat(256), "é"])("%j is no idempotency key", async (idempotencyKey) => {
    const { store } = await open()
    await expect(store.put(text, { key: "k", idempotencyKey })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    await expect(store.delete("k", { idempotencyKey })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    expect(await keysOf(store)).toEqual([])
  })
}
