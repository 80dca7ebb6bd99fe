/** Backends that come and go while the store runs. */
import { expect, test } from "vitest"
import { StoredError } from "../../../src/core/error.ts"
import { memoryBackend } from "../../flow/open-store.ts"
import { type OpenFace, text } from "./harness.ts"

export function backendCases(open: OpenFace): void {
  test("one that is added is listed, described, and takes the next put", async () => {
    const { store, opened } = await open()
    const added = await store.addBackend("c", { driver: "memory", concurrency: 2 })
    expect(added).toMatchObject({ name: "c", driver: "memory", state: "open", isDefault: true, pending: 0 })
    expect(await store.listBackends()).toEqual(["a", "b", "c"])
    expect(await store.getBackend("c")).toEqual(added)
    await store.put(text, { key: "k", backends: ["c"], durability: "all" })
    expect(await memoryBackend(opened, "c").stat("k")).toMatchObject({ size: text.length })
  })

  test("one is set, whether it was there or not, and answers when it is tested", async () => {
    const { store, opened } = await open()
    expect(await store.setBackend("c", { driver: "memory" })).toMatchObject({ name: "c", state: "open", error: null })
    const changed = await store.setBackend("c", { driver: "memory", concurrency: 2 })
    expect(changed).toMatchObject({ name: "c", config: { driver: "memory", concurrency: 2 }, abilities: null })
    expect(await store.testBackend("c")).toEqual(changed)
    await store.put(text, { key: "k", backends: ["c"], durability: "all" })
    // What is in another place is not changed to be there.
    await expect(store.setBackend("c", { driver: "memory" })).rejects.toMatchObject({
      code: "CONFLICT",
      details: { backend: "c", key: "k" },
    })
    memoryBackend(opened, "c").intercept = () => {
      throw new StoredError("BACKEND_UNAVAILABLE", "It is away.", { retryable: true })
    }
    await expect(store.testBackend("c")).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE", retryable: true })
    const changes = (await Array.fromAsync(store.journal())).filter(({ backend }) => backend === "c")
    expect(changes.map(({ command }) => command)).toEqual(["backend-add", "backend-change", "sync"])
  })

  test("one that is removed is gone; its name is free again", async () => {
    const { store } = await open()
    await store.put(text, { key: "k", durability: "all" })
    await store.removeBackend("b")
    expect(await store.listBackends()).toEqual(["a"])
    const gone = async () => store.getBackend("b")
    await expect(gone()).rejects.toMatchObject({ code: "UNKNOWN_BACKEND", details: { backend: "b" } })
    expect((await store.stat("k"))?.locations.map((location) => location.backend)).toEqual(["a"])
    expect(await store.addBackend("b", { driver: "memory" })).toMatchObject({ name: "b" })
  })

  test("the last copy holds it, unless forced, which the journal keeps", async () => {
    const { store } = await open({ backends: { a: { driver: "memory" } } })
    await store.put(text, { key: "k", durability: "all" })
    await store.cache.clear()
    await expect(store.removeBackend("a")).rejects.toMatchObject({
      code: "LAST_COPY",
      details: { backend: "a", count: 1, keys: ["k"] },
    })
    await store.removeBackend("a", { force: true })
    const last = (await Array.fromAsync(store.journal())).at(-1)
    expect(last).toMatchObject({ command: "backend-remove", backend: "a", detail: { forced: true } })
  })

  test.each([
    ["a name that is taken", "a", { driver: "memory" }, "BACKEND_EXISTS"],
    ["a name that is none", "no name", { driver: "memory" }, "INVALID_INPUT"],
    ["an unknown driver", "c", { driver: "tape" }, "INVALID_CONFIG"],
    ["a setting that the driver does not know", "c", { driver: "memory", colour: "red" }, "INVALID_CONFIG"],
  ])("%s is refused", async (_name, name, settings, code) => {
    const { store } = await open()
    await expect(store.addBackend(name, settings)).rejects.toMatchObject({ code })
    expect(await store.listBackends()).toEqual(["a", "b"])
  })

  test("an unknown one cannot be removed", async () => {
    const { store } = await open()
    for (const name of ["nowhere", "../a", "日"]) {
      await expect(store.removeBackend(name)).rejects.toMatchObject({ code: "UNKNOWN_BACKEND" })
    }
  })
}
