/**
 * A data directory knows what it is configured with: whoever opens it without naming backends finds every copy where it is, and nothing is
 * made elsewhere.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, onTestFinished, test } from "vitest"
import { type CreateStoreOptions, openStore, runDoctor } from "../../src/compose.ts"
import type { StoreConfigInput } from "../../src/core/config.ts"
import { silentLog } from "../../src/store/log.ts"
import { runProcess } from "./cli-line.ts"
import { FAST_RETRIES, temporaryDirectory } from "./open-store.ts"

const bytes = Buffer.from("the quick brown fox")

async function open(config: StoreConfigInput, options: CreateStoreOptions = {}) {
  const opened = await openStore(config, { ...FAST_RETRIES, ...options })
  onTestFinished(() => opened.store.close())
  return opened
}

/** A directory, its data directory, and a configuration with two backends outside of it. */
async function places() {
  const directory = await temporaryDirectory()
  const fs = (name: string) => ({ driver: "fs", root: join(directory, name) })
  const data = join(directory, "data")
  const config = { data, backends: { one: fs("one"), two: fs("two") }, defaultBackends: ["two"] }
  return { directory, data, config, fs }
}

async function putAndClose(config: StoreConfigInput, key = "k"): Promise<void> {
  const { store } = await open(config)
  await store.put(bytes, { key, durability: "all" })
  await store.close()
}

/** What a backend's folder shows beside its own workplace. */
async function filesIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => !name.startsWith(".stored"))
}

describe("what a store was opened with", () => {
  test("is what it has when it is opened without", async () => {
    const { data, config, directory } = await places()
    await putAndClose(config)
    const { store } = await open({ data }, { localByDefault: true })
    expect(store.listBackends()).toEqual(["one", "two"])
    expect(store.getBackend("two")).toMatchObject({ isDefault: true, config: { root: join(directory, "two") } })
    expect(store.getBackend("one").isDefault).toBe(false)
    await store.put(bytes, { key: "later", durability: "all" })
    expect(await store.cache.clear()).toMatchObject({ evicted: 1 })
    expect(await store.get("later")).toEqual(bytes)
    expect(await filesIn(join(directory, "two"))).toEqual(["k", "later"])
    expect(await readdir(directory)).not.toContain("objects")
  })

  test("holds in every working directory", async () => {
    const { data, directory } = await places()
    const before = process.cwd()
    onTestFinished(() => process.chdir(before))
    process.chdir(directory)
    await putAndClose({ data: "data", backends: { near: { driver: "fs", root: "./near" } }, cache: { path: "cache" } })
    process.chdir(before)
    const { store } = await open({ data })
    await store.put(bytes, { key: "k2", durability: "all" })
    expect(await filesIn(join(directory, "near"))).toEqual(["k", "k2"])
    expect(await readdir(join(directory, "cache"))).not.toEqual([])
    expect(await readdir(data)).toEqual(["catalog"])
  })

  test("moves with the data directory where it lies inside", async () => {
    const { directory, data } = await places()
    const first = await open({ data }, { localByDefault: true })
    await first.store.put(bytes, { key: "k", durability: "all" })
    await first.store.close()
    const moved = join(directory, "moved")
    await rename(data, moved)
    const { store } = await open({ data: moved }, { localByDefault: true })
    expect(store.getBackend("local").config.root).toBe(join(moved, "objects"))
    expect(await store.cache.clear()).toMatchObject({ evicted: 1 })
    expect(await store.get("k")).toEqual(bytes)
    expect(await readdir(directory)).toEqual(["moved"])
  })

  test("gives way to what is said besides, setting by setting", async () => {
    const { data, config, directory } = await places()
    const cache = { location: join(directory, "cache"), maxSize: "10MB" }
    await putAndClose({ ...config, cache, checksums: ["blake3"], keyPrefix: "kept" })
    const { store } = await open({ data, keyPrefix: "said", cache: { maxSize: "20MB" } })
    expect(store.cache.stats()).toMatchObject({ maxSize: 20_000_000, entries: 1 })
    expect((await store.put(Buffer.from("x"))).key).toMatch(/^said\/blake3\//)
    expect(await store.get("k")).toEqual(bytes)
  })

  test("is replaced by the next explicit configuration", async () => {
    const { data, config, directory, fs } = await places()
    await putAndClose(config)
    // Its folder goes with it: another one would not be taken for it.
    await rename(join(directory, "two"), join(directory, "elsewhere"))
    await putAndClose({ data, backends: { two: fs("elsewhere"), three: fs("three") } }, "later")
    const { store } = await open({ data })
    expect(store.listBackends().toSorted()).toEqual(["three", "two"])
    expect(store.getBackend("two").config.root).toBe(join(directory, "elsewhere"))
    expect(await filesIn(join(directory, "three"))).toEqual(["later"])
  })

  test("is not kept by a doctor that only looks", async () => {
    const { data, config, fs } = await places()
    await putAndClose(config)
    await runDoctor({ data, backends: { other: fs("other") } })
    const { store } = await open({ data })
    expect(store.listBackends()).toEqual(["one", "two"])
  })
})

describe("a backend that the configuration no longer names", () => {
  test("stays while it holds copies, but no put goes there by default, until it is removed", async () => {
    const { data, config, fs } = await places()
    await putAndClose({ ...config, defaultBackends: ["one", "two"] })
    for (const again of [{ data, backends: { two: fs("two") } }, { data }]) {
      const { store } = await open(again)
      expect(store.listBackends()).toEqual(["one", "two"])
      expect(await store.get("k", { backends: ["one"] })).toEqual(bytes)
      const { locations } = await store.put(bytes, { key: "new", durability: "all" })
      expect(locations.map((location) => location.backend)).toEqual(["two"])
      await store.close()
    }
    const { store } = await open({ data })
    await store.removeBackend("one")
    await store.close()
    expect((await open({ data })).store.listBackends()).toEqual(["two"])
  })

  test("is forgotten where it holds nothing", async () => {
    const { data, config, fs } = await places()
    await putAndClose(config)
    await putAndClose({ data, backends: { two: fs("two") } })
    expect((await open({ data })).store.listBackends()).toEqual(["two"])
  })
})

describe("puts that go to fewer backends than minCopies", () => {
  /** What the log warned of when a store was opened with this. */
  async function warnings(config: StoreConfigInput): Promise<{ facts: object; message: string }[]> {
    const told: { facts: object; message: string }[] = []
    const { store } = await open(config, {
      log: { ...silentLog, warn: (facts, message) => told.push({ facts, message }) },
    })
    await store.close()
    return told.filter(({ message }) => message.includes("minCopies"))
  }

  test("are warned of, and keep their staged bytes", async () => {
    const { data, config } = await places()
    const two = { ...config, minCopies: 2 }
    expect(await warnings(two)).toMatchObject([{ facts: { minCopies: 2, defaultBackends: ["two"] } }])
    expect(await warnings({ data }), "by what was kept").toHaveLength(1)
    const { store } = await open(two)
    await store.put(bytes, { key: "k", durability: "all" })
    expect(await store.cache.clear()).toEqual({ evicted: 0, bytes: 0 })
  })

  test("are so too where a backend is named twice, or is in use only for what it holds", async () => {
    const { data, config, fs } = await places()
    expect(await warnings({ ...config, defaultBackends: ["two", "two"], minCopies: 2 })).toHaveLength(1)
    await putAndClose({ ...config, defaultBackends: ["one"] })
    expect(await warnings({ data, backends: { two: fs("two") }, minCopies: 2 })).toMatchObject([
      { facts: { defaultBackends: ["two"] } },
    ])
  })

  test("and only they", async () => {
    const { config } = await places()
    expect(await warnings(config)).toEqual([])
    expect(await warnings({ ...config, defaultBackends: ["one", "two"], minCopies: 2 })).toEqual([])
    expect(await warnings({ data: config.data, backends: config.backends, minCopies: 2 })).toEqual([])
  })
})

describe("a new data directory", () => {
  test("gets a backend of its own only where that is asked for, and only while it is new", async () => {
    const { data } = await places()
    const bare = await open({ data })
    expect(bare.store.listBackends()).toEqual([])
    await bare.store.close()
    const { store } = await open({ data }, { localByDefault: true })
    expect(store.listBackends()).toEqual(["local"])
    await store.removeBackend("local")
    await store.close()
    expect((await open({ data }, { localByDefault: true })).store.listBackends()).toEqual([])
  })
})

describe("the command line", () => {
  test("sees the copies of a data directory that was configured elsewhere; the doctor finds nothing amiss", async () => {
    const { data, config, directory } = await places()
    await putAndClose(config)
    const env = { STORED_DATA: data }
    expect(await runProcess(["doctor", "--repair"], { env, cwd: directory })).toMatchObject({ code: 0, err: "" })
    const file = join(directory, "config.json")
    await writeFile(file, JSON.stringify(config))
    await rm(join(directory, "one"), { recursive: true })
    await mkdir(join(directory, "one"))
    // Another folder than the one that it was: somebody has to say that it is meant.
    expect((await runProcess(["doctor"], { env })).code).toBe(8)
    expect((await runProcess(["backends", "test", "one", "--accept"], { env })).code).toBe(0)
    expect((await runProcess(["put", "-", "-k", "x"], { env, input: "hello", cwd: directory })).code).toBe(0)
    expect(await readFile(join(directory, "two", "x"), "utf8")).toBe("hello")
    expect((await readdir(directory)).toSorted()).toEqual(["config.json", "data", "one", "two"])
    expect(await readdir(data)).not.toContain("objects")
    expect((await runProcess(["doctor"], { env: { ...env, STORED_CONFIG: file } })).code).toBe(0)
  })
})
