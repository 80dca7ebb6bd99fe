/** Drivers of users: defined by what is their own, registered once, and loaded by name into processes that are not theirs. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import * as z from "zod"
import { driverPathsSchema, loadDrivers } from "../../src/backends/load-drivers.ts"
import { MemoryBackend } from "../../src/backends/memory.ts"
import {
  createBackend,
  driverNames,
  driverSettings,
  parseBackendConfig,
  redactBackendConfig,
} from "../../src/backends/registry.ts"
import { createHashers } from "../../src/checksums/hashers.ts"
import { createStore, defineDriver, registerDriver, type StorageBackend } from "../../src/index.ts"
import { temporaryDirectory } from "../flow/open-store.ts"

const services = { hashers: await createHashers() }
const INDEX = new URL("../../src/index.ts", import.meta.url).href

/** A driver whose bytes lie in memory, with a setting, a secret and a path of its own. */
function made(name: string) {
  const created: { room: number; login?: { token: string } | undefined }[] = []
  const driver = defineDriver({
    name,
    settings: {
      room: z.int().min(1),
      login: z.strictObject({ token: z.string() }).optional(),
      folder: z.string().optional(),
    },
    secrets: ["login.token"],
    paths: ["folder"],
    create: (settings, given): StorageBackend => {
      created.push(settings)
      return new MemoryBackend(given)
    },
  })
  return { driver, created }
}

describe("a driver of a user", () => {
  it("is known once it is registered, with its settings beside those of every backend", () => {
    const { driver, created } = made("users-own")
    expect(parseBackendConfig("x", { driver: "users-own", room: 1 })[0]?.message).toContain("there is no driver")
    registerDriver(driver)
    registerDriver(driver)
    expect(driverNames().filter((name) => name === "users-own")).toHaveLength(1)
    const config = { driver: "users-own", room: 3, concurrency: 2, mode: "observe", login: { token: "canary" } }
    expect(parseBackendConfig("x", config)).toEqual([])
    expect(redactBackendConfig(config).login).toEqual({ token: "***" })
    expect(driverSettings("users-own")?.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["room", "login.token"]),
    )
    expect(createBackend("x", config, services)).toBeInstanceOf(MemoryBackend)
    expect(created).toEqual([{ room: 3, login: { token: "canary" } }])
  })

  it("refuses what is no setting of its own, and to be watched", () => {
    registerDriver(made("users-strict").driver)
    const issues = parseBackendConfig("x", { driver: "users-strict", room: 0, watch: true, rom: 1 })
    expect(issues.map(({ path }) => path).sort()).toEqual(["backends.x", "backends.x.room", "backends.x.watch"])
  })

  it("carries blobs in a store", async () => {
    registerDriver(made("users-store").driver)
    const data = await temporaryDirectory()
    const store = await createStore({ data, backends: { mine: { driver: "users-store", room: 1 } } })
    try {
      await store.put(Buffer.from("bytes"), { key: "k", durability: "all" })
      await store.cache.clear()
      expect((await store.get("k", { backend: "mine" })).toString()).toBe("bytes")
    } finally {
      await store.close()
    }
  })

  it.each(["fs", "users-twice"])("cannot have the name %s of another one", (name) => {
    if (name !== "fs") registerDriver(made(name).driver)
    expect(() => registerDriver(made(name).driver)).toThrow(
      expect.objectContaining({ code: "INVALID_CONFIG", message: expect.stringContaining("another name") }),
    )
  })

  it.each(["", "Has-Capitals", "1st", "a b", "a/b", "x".repeat(33)])("cannot be called %j", (name) => {
    expect(() => made(name)).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }))
  })

  it("cannot take the name of a setting that every backend has", () => {
    const define = () => defineDriver({ name: "x", settings: { mode: z.string() }, create: () => expect.unreachable() })
    expect(define).toThrow(expect.objectContaining({ message: expect.stringContaining('"mode"') }))
  })

  it.each([undefined, null, {}, { driver: "x" }, "x", { driver: "x", schema: z.string() }])("is not %j", (value) => {
    expect(() => registerDriver(value as never)).toThrow(expect.objectContaining({ code: "INVALID_CONFIG" }))
  })
})

describe("STORED_DRIVERS", () => {
  it("is paths with commas between them", () => {
    expect(driverPathsSchema.parse(undefined)).toEqual([])
    expect(driverPathsSchema.parse(" /a/b.js, c.js,")).toEqual(["/a/b.js", "c.js"])
  })

  it("names modules whose default exports are registered", async () => {
    const path = join(await temporaryDirectory(), "driver.mjs")
    const source = `import { defineDriver } from ${JSON.stringify(INDEX)}
      export default defineDriver({ name: "users-module", settings: {}, create: () => null })`
    await writeFile(path, source)
    await loadDrivers([path])
    expect(driverNames()).toContain("users-module")
  })

  it.each([
    ["that is not there", null, "Cannot find"],
    ["that breaks", "throw new Error('broken')", "broken"],
    ["without a driver", "export const driver = 1", "no driver"],
  ])("tells which module gives none: one %s", async (_what, source, reason) => {
    const path = join(await temporaryDirectory(), "driver.mjs")
    if (source !== null) await writeFile(path, source)
    const error: unknown = await loadDrivers([path]).catch((fault: unknown) => fault)
    expect(error).toMatchObject({
      code: "INVALID_CONFIG",
      message: expect.stringContaining(path),
      details: { issues: [{ path: "STORED_DRIVERS", message: expect.stringMatching(new RegExp(reason, "i")) }] },
    })
  })
})
