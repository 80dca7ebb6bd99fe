/** The list of drivers: settings are checked all at once, secrets are not shown. */
import { describe, expect, it } from "vitest"
import { FsBackend } from "../../src/backends/fs.ts"
import { MemoryBackend } from "../../src/backends/memory.ts"
import { createBackend, driverNames, parseBackendConfig, redactBackendConfig } from "../../src/backends/registry.ts"
import { createHashers } from "../../src/checksums/hashers.ts"

const services = { hashers: await createHashers() }

describe("parseBackendConfig", () => {
  it("finds nothing wrong with good settings", () => {
    expect(parseBackendConfig("local", { driver: "fs", root: "./data" })).toEqual([])
    const all = { driver: "fs", root: "/data", watch: true, concurrency: 4, durable: false }
    expect(parseBackendConfig("local", all)).toEqual([])
    expect(parseBackendConfig("m", { driver: "memory" })).toEqual([])
  })

  it("tells every mistake at once, each with its path", () => {
    const issues = parseBackendConfig("local", { driver: "fs", watch: "yes", concurrency: 0, rot: "./data" })
    expect(issues.map(({ path }) => path).sort()).toEqual([
      "backends.local",
      "backends.local.concurrency",
      "backends.local.root",
      "backends.local.watch",
    ])
    expect(issues.find(({ path }) => path === "backends.local")?.message).toContain("rot")
    expect(issues.find(({ path }) => path === "backends.local.root")?.message).toContain("name the directory")
  })

  it.each([{ driver: "ftp" }, { driver: 5 }, {}, null, "fs"])(
    "names the known drivers where %j has none of them",
    (config) => {
      const [issue, ...others] = parseBackendConfig("x", config)
      expect(issue?.path).toBe("backends.x.driver")
      expect(issue?.message).toContain("fs, memory")
      expect(others).toEqual([])
    },
  )

  it.each(["", "a\0b"])("refuses the root %j", (root) => {
    expect(parseBackendConfig("x", { driver: "fs", root }).map(({ path }) => path)).toEqual(["backends.x.root"])
  })
})

describe("createBackend", () => {
  it("makes each driver's backend without touching anything", () => {
    expect(createBackend("a", { driver: "fs", root: "/nowhere/at/all" }, services)).toBeInstanceOf(FsBackend)
    expect(createBackend("b", { driver: "memory" }, services)).toBeInstanceOf(MemoryBackend)
    expect(driverNames()).toEqual(["fs", "memory", "s3", "rclone"])
  })

  it("refuses bad settings with all mistakes in its details", () => {
    const make = () => createBackend("a", { driver: "fs", root: 5, x: 1 }, services)
    expect(make).toThrowError(expect.objectContaining({ code: "INVALID_CONFIG" }))
    expect(make).toThrowError(expect.objectContaining({ details: { issues: [expect.anything(), expect.anything()] } }))
  })
})

describe("redactBackendConfig", () => {
  it("shows settings that are no secrets, as a copy", () => {
    const config = { driver: "fs", root: "./data" }
    expect(redactBackendConfig(config)).toEqual(config)
    expect(redactBackendConfig(config)).not.toBe(config)
  })
})

describe("the memory backend's interceptor", () => {
  it("makes operations fail or wait, and sees what they are about", async () => {
    const seen: string[] = []
    const backend = new MemoryBackend(services, {
      intercept: (operation, key) => void seen.push(`${operation} ${key}`),
    })
    await backend.open()
    await backend.put("k", { bytes: Buffer.from("x"), read: () => expect.unreachable() })
    await backend.stat("k")
    await backend.delete("k")
    expect(seen).toEqual(["open ", "put k", "stat k", "delete k"])
    backend.intercept = () => {
      throw new Error("down")
    }
    await expect(backend.stat("k")).rejects.toThrow("down")
    backend.intercept = undefined
    expect(await backend.stat("k")).toBeNull()
  })
})
