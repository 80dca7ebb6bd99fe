/** Secrets of backends: sealed where they are kept, shown to nobody, there again after a restart. */
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { describe, expect, onTestFinished, test, vi } from "vitest"
import { CANARY, PASSWORD } from "./vault-driver.ts"
import { bytes, catalogBytes, open, places, withSecret } from "./vault-store.ts"

vi.mock("../../src/backends/fs.ts", async (original) => (await import("./vault-driver.ts")).vaultInPlaceOfFs(original))

describe("a secret", () => {
  test("is sealed in the catalog, shown to nobody, and there again after a restart", async () => {
    const { data, keyFile } = await withSecret()
    const file = await catalogBytes(data)
    for (const canary of [CANARY, PASSWORD, (await readFile(keyFile, "utf8")).trim()])
      expect(file.includes(canary)).toBe(false)
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600)
    const { store, services } = await open({ data })
    const info = store.getBackend("secret")
    expect(info).toMatchObject({
      state: "open",
      error: null,
      config: { token: "***", login: { user: "me", password: "***" } },
    })
    expect(services.backends.get("secret").settings).toMatchObject({ token: CANARY, login: { password: PASSWORD } })
    await store.cache.clear()
    expect(await store.get("k")).toEqual(bytes)
    expect(await readdir(data)).not.toContain("master.key.new")
  })

  test("makes no key where there is none to seal", async () => {
    const { data, vault } = await places()
    vi.stubEnv("STORED_TEST_TOKEN", CANARY)
    onTestFinished(() => void vi.unstubAllEnvs())
    const { store } = await open({ data, backends: { a: vault("a", { token: "env:STORED_TEST_TOKEN" }) } })
    expect(store.getBackend("a")).toMatchObject({ state: "open", config: { token: "env:STORED_TEST_TOKEN" } })
    await store.close()
    expect(await readdir(data)).not.toContain("master.key")
    expect((await catalogBytes(data)).includes("env:STORED_TEST_TOKEN")).toBe(true)
    expect((await catalogBytes(data)).includes(CANARY)).toBe(false)
  })

  test("by reference to a file moves with the data directory, and is asked for at each opening", async () => {
    const { data, vault, directory } = await places()
    const { store } = await open({ data, backends: { plain: { driver: "fs", root: join(directory, "plain") } } })
    const reference = join(data, "token")
    await writeFile(reference, `${CANARY}\n`)
    await store.addBackend("a", vault("a", { token: `file:${reference}` }))
    await store.close()
    const moved = join(directory, "moved")
    await rename(data, moved)
    const again = await open({ data: moved })
    expect(again.store.getBackend("a")).toMatchObject({
      state: "open",
      config: { token: `file:${join(moved, "token")}` },
    })
    await again.store.close()
    await rm(join(moved, "token"))
    const without = await open({ data: moved })
    expect(without.store.getBackend("a")).toMatchObject({
      state: "unavailable",
      error: { code: "SECRET_UNAVAILABLE", message: expect.stringContaining("ENOENT") },
    })
    await writeFile(join(moved, "token"), CANARY)
    expect(await without.store.testBackend("a")).toMatchObject({ state: "open", error: null })
  })

  test("of a configuration file is kept too, and `***` in it stands for what is kept", async () => {
    const { data, vault } = await places()
    const first = await open({ data, backends: { a: vault("a") } })
    await first.store.put(bytes, { key: "k", durability: "all" })
    const { lastSequence } = first.store.status()
    await first.store.close()
    for (const backends of [{ a: vault("a") }, { a: vault("a", { token: "***" }) }, undefined]) {
      const { store, services } = await open(backends ? { data, backends } : { data })
      expect(store.getBackend("a")).toMatchObject({ state: "open", config: { token: "***" } })
      expect(services.backends.get("a").settings).toMatchObject({ token: CANARY })
      // Nothing was written: it is as it was.
      expect(store.status().lastSequence).toBe(lastSequence)
      await store.close()
    }
    const nothingKept = open({ data: join(data, "other"), backends: { a: vault("b", { token: "***" }) } })
    await expect(nothingKept).rejects.toMatchObject({
      code: "INVALID_CONFIG",
      details: { issues: [{ path: "backends.a.token" }] },
    })
  })

  test("that an older program kept as it was is readable, and is sealed by the next start", async () => {
    const { data, vault } = await places()
    const { store, services } = await open({ data, backends: { a: vault("a") } })
    const [record] = services.catalog.backends()
    await store.close()
    const { LmdbCatalog } = await import("../../src/catalog/lmdb/catalog.ts")
    const catalog = new LmdbCatalog({ directory: join(data, "catalog") })
    await catalog.open()
    const { secrets: _, ...plain } = record!
    await catalog.commitBackend({ ...plain, config: { ...record!.config, token: CANARY } }, {})
    await catalog.close()
    const again = await open({ data })
    expect(again.store.getBackend("a")).toMatchObject({ state: "open", config: { token: "***" } })
    expect(again.services.catalog.backends()).toMatchObject([
      { config: { token: "***" }, secrets: { token: { format: 1 } } },
    ])
    expect(JSON.stringify(again.services.catalog.backends())).not.toContain(CANARY)
  })
})
