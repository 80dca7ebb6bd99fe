/** A signal ends whatever waits, with ABORTED or with its own typed reason. */
import { Readable } from "node:stream"
import { buffer } from "node:stream/consumers"
import { expect, test } from "vitest"
import { StoredError } from "../../../src/core/error.ts"
import { closed, uncaughtDuring } from "../../uncaught.ts"
import { type OpenFace, text, withHungBackend } from "./harness.ts"

export function abortCases(open: OpenFace): void {
  test("that have fired already end every verb that takes one before it begins", async () => {
    const { store } = await open()
    await store.put(text, { key: "k" })
    const signal = AbortSignal.abort()
    const calls = {
      put: () => store.put(text, { key: "new", signal }),
      get: () => store.get("k", { signal }),
      open: () => store.open("k", { signal }),
      delete: () => store.delete("k", { signal }),
      list: () => Array.fromAsync(store.list({ signal })),
      synced: () => store.synced("k", { signal }),
    }
    for (const [name, call] of Object.entries(calls)) {
      await expect(call(), name).rejects.toMatchObject({ code: "ABORTED" })
    }
    expect([await store.has("k"), await store.has("new")]).toEqual([true, false])
    expect(await Array.fromAsync(store.events({ after: 0, signal }))).toEqual([])
  })

  test("of a wait end it, and a typed reason is what is thrown", async () => {
    const { store, reached } = await withHungBackend(open)
    await store.put(text, { key: "k" })
    await reached
    const control = new AbortController()
    const { signal } = control
    const waits = [store.synced("k", { signal }), store.idle({ signal })]
    const ends = Promise.allSettled(waits)
    control.abort(new StoredError("TIMEOUT", "The caller's own."))
    for (const end of await ends) expect(end).toMatchObject({ status: "rejected", reason: { code: "TIMEOUT" } })
  })

  test("of a put whose source is silent end it, and nothing is stored", async () => {
    const { store } = await open()
    const control = new AbortController()
    const { promise: reading, resolve } = Promise.withResolvers<void>()
    const silent = new Readable({ read: () => resolve() })
    const put = store.put(silent, { key: "k", signal: control.signal })
    const end = expect(put).rejects.toMatchObject({ code: "ABORTED" })
    await reading
    control.abort()
    await end
    expect(silent.destroyed).toBe(true)
    expect(await store.has("k")).toBe(false)
  })

  test.each([
    ["staging", false],
    ["a backend", true],
  ])(
    "of a stream that nobody has begun to read, from %s, fail it for its reader and for nobody else",
    async (_, isEvicted) => {
      const { store } = await open()
      await store.put(Buffer.alloc(8_000_000, 1), { key: "k", durability: "all" })
      if (isEvicted) await store.cache.clear()
      for (const begin of [
        async (signal: AbortSignal) => store.get("k", { stream: true, signal }),
        async (signal: AbortSignal) => (await store.archive({ keys: ["k"], signal })).stream,
      ]) {
        const control = new AbortController()
        const uncaught = await uncaughtDuring(async () => {
          const stream = await begin(control.signal)
          control.abort()
          await closed(stream)
          await expect(buffer(stream)).rejects.toMatchObject({ code: "ABORTED" })
        })
        expect(uncaught).toEqual([])
      }
    },
  )

  test("of a stream that is being read break it", async () => {
    const { store } = await open()
    await store.put(Buffer.alloc(8_000_000, 1), { key: "k" })
    const control = new AbortController()
    const stream = await store.get("k", { stream: true, signal: control.signal })
    const read = async (): Promise<void> => {
      for await (const _chunk of stream) control.abort()
    }
    await expect(read()).rejects.toMatchObject({ code: "ABORTED" })
  })
}
