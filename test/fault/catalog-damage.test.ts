/** Damaged and strange data directories: each is noticed, none is taken for an empty or a good one. */
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as later } from "node:timers/promises"
import { open } from "lmdb"
import { describe, expect, it } from "vitest"
import { seal } from "../../src/catalog/encoding/value.ts"
import { SHELF_NAMES } from "../../src/catalog/lmdb/shelf.ts"
import type { TokenRecord } from "../../src/catalog/record.ts"
import { faultsOf, put, refusal, settle } from "../contract/catalog.facts.ts"
import { emptyDirectory, expectWhole, openCatalog } from "./catalog-directory.ts"
import { mountTmpfs, remount } from "./store-tmpfs.ts"

const TOKEN: TokenRecord = {
  id: "0123456789ab",
  name: "camera",
  scopes: ["read"],
  prefixes: null,
  backends: null,
  digest: "d1".repeat(32),
  former: null,
  rate: null,
  quota: { bytes: 1_000, objects: null },
  created: 3,
  expires: null,
  revoked: null,
  lastUsed: null,
}

/** A catalog with rows in every table. */
async function makeCatalog(): Promise<string> {
  const directory = await emptyDirectory()
  const catalog = await openCatalog(directory)
  await catalog.commitBackend({ name: "local", driver: "fs", config: {}, created: 1 }, {})
  await catalog.commitConfiguration({ settings: {}, named: ["local"], left: [] }, [])
  for (const key of ["a", "b", "c"]) await put(catalog, { key, backends: ["local", "remote"], sideChecksums: ["md5"] })
  await put(catalog, { key: "d", checksums: { md5: "e".repeat(32) }, once: { name: "request", fingerprint: "f" } })
  for (const backend of ["local", "remote"]) await settle(catalog, "a", "done", { backend })
  await settle(catalog, "b", { type: "park", error: { code: "BACKEND_FULL", message: "full", retryable: false } })
  await catalog.commitDelete({ key: "c", time: 2 })
  await settle(catalog, "c", "done")
  await catalog.commitScan({ backend: "local", step: "start", time: 3 })
  await catalog.commitLooks("local", ["x", "y"])
  while (!(await catalog.tokens.countNamespace({ prefix: "", limit: 2 })));
  await catalog.tokens.create(TOKEN, {})
  const begin = { sample: 1, seed: "s", prefix: "", rate: null }
  await catalog.validations.step({ place: "local", kind: "asked", step: "start", begin, time: 4 })
  await catalog.close()
  return directory
}

type Rows = { key: Buffer; value: Buffer }[]

/** Changes the rows of one sub-database behind the catalog's back. */
async function meddle(
  directory: string,
  shelf: string,
  change: (rows: Rows) => { key: Buffer; value: Buffer | null }[],
): Promise<void> {
  const options = { encoding: "binary", keyEncoding: "binary" } as const
  const env = open<Buffer, Buffer>({ path: directory, noSubdir: false, maxDbs: 32, ...options })
  const table = env.openDB<Buffer, Buffer>(shelf, options)
  const rows = Array.from(table.getRange(), ({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }))
  for (const { key, value } of change(rows)) await (value ? table.put(key, value) : table.remove(key))
  await later(0)
  await env.close()
}

const flip = (value: Buffer, at: number): Buffer => {
  const bytes = Buffer.from(value)
  bytes[at % bytes.length]! ^= 0x10
  return bytes
}

describe("damage", () => {
  it.each(SHELF_NAMES)("of one bit in any row of %s is noticed", { timeout: 120_000 }, async (shelf) => {
    const directory = await makeCatalog()
    let rows: Rows = []
    await meddle(directory, shelf, (found) => {
      rows = found
      return []
    })
    expect(rows.length).toBeGreaterThan(0)
    for (const [index, { key, value }] of rows.entries()) {
      for (const at of new Set([0, 4, 5, 6 + index, value.length - 1])) {
        await meddle(directory, shelf, () => [{ key, value: flip(value, at) }])
        expect(await notices(directory), `byte ${at} of ${shelf} ${key}`).toBe(true)
      }
      await meddle(directory, shelf, () => [{ key, value }])
    }
    expect(await notices(directory)).toBe(false)
  })

  it.each(SHELF_NAMES)("by a row that went from %s is noticed", { timeout: 120_000 }, async (shelf) => {
    const directory = await makeCatalog()
    let rows: Rows = []
    await meddle(directory, shelf, (found) => {
      rows = found
      return []
    })
    for (const { key, value } of rows) {
      await meddle(directory, shelf, () => [{ key, value: null }])
      // The format's row says only that nothing newer was here; it and the configuration are written again by whoever opens the store.
      const isWrittenAgain = shelf === "settings" || shelf === "configuration"
      expect(await notices(directory), `${shelf} without ${key}`).toBe(!isWrittenAgain)
      await meddle(directory, shelf, () => [{ key, value }])
    }
  })

  it("by two rows with each other's values is noticed", async () => {
    const directory = await makeCatalog()
    await meddle(directory, "objects", ([first, second]) => [
      { key: first!.key, value: second!.value },
      { key: second!.key, value: first!.value },
    ])
    const catalog = await openCatalog(directory)
    expect(() => catalog.object("a")).toThrow("does not have its checksum")
    expect(() => [...catalog.objects()]).toThrow("does not have its checksum")
    expect((await faultsOf(catalog)).some((fault) => fault.invariant === "I12" && fault.subject === "objects a")).toBe(
      true,
    )
    // Whoever needs the row is refused; the commit beside it is not.
    const [bad, good] = [refusal(put(catalog, { key: "a" })), refusal(put(catalog, { key: "new" }))]
    expect([await bad, await good]).toEqual(["CATALOG_CORRUPT", null])
  })

  it("of the journal is noticed even where every row has its checksum", async () => {
    const directory = await makeCatalog()
    const catalog = await openCatalog(directory)
    const [, second] = [...catalog.journal({ after: 0 })]
    await catalog.close()
    const changed = seal("journal", "00000000000002", { ...second!, principal: "somebody else" })
    await meddle(directory, "journal", (rows) => [{ key: rows[1]!.key, value: changed }])
    const faults = await faultsOf(await openCatalog(directory))
    expect(faults.map((fault) => fault.invariant)).toContain("I11")
  })

  it("of the file is refused before it is mapped", async () => {
    const directory = await makeCatalog()
    const path = join(directory, "data.mdb")
    const whole = await readFile(path)
    for (const bytes of [
      Buffer.alloc(20_000, 7),
      whole.subarray(0, 3_000),
      whole.subarray(0, 8_192),
      Buffer.alloc(40_000),
    ]) {
      await writeFile(path, bytes)
      expect(await refusal(openCatalog(directory))).toBe("CATALOG_CORRUPT")
    }
    await writeFile(path, whole)
    await expectWhole(await openCatalog(directory))
  })
})

describe("directories that cannot be used", () => {
  it("are made where they are not there", async () => {
    const directory = join(await emptyDirectory(), "deep", "er.v1")
    const catalog = await openCatalog(directory)
    await put(catalog)
    await expectWhole(catalog)
  })

  it("are refused with a sentence: a file, a file on the way, a read-only disk", async (context) => {
    const parent = await emptyDirectory()
    await writeFile(join(parent, "file"), "x")
    const codes = await Promise.all(
      [join(parent, "file"), join(parent, "file", "below")].map((path) => refusal(openCatalog(path))),
    )
    expect(codes).toEqual(["DATA_DIRECTORY_UNUSABLE", "DATA_DIRECTORY_UNUSABLE"])
    const disk = await mountTmpfs(context, "size=4m")
    await mkdir(join(disk, "catalog"))
    await remount(disk, "ro")
    await expect(openCatalog(join(disk, "catalog"))).rejects.toMatchObject({
      code: "DATA_DIRECTORY_UNUSABLE",
      message: expect.stringContaining("read-only"),
    })
  })

  it("are refused when a newer version made them, and left as they are", async () => {
    const directory = await makeCatalog()
    await meddle(directory, "settings", ([row]) => [{ key: row!.key, value: seal("settings", "format", 2) }])
    await expect(openCatalog(directory)).rejects.toMatchObject({
      code: "DATA_DIRECTORY_NEWER",
      details: { format: 2, supported: 1 },
    })
    await meddle(directory, "owner", (rows) => {
      expect(rows).toEqual([])
      return []
    })
  })
})

/** Whether opening or checking the catalog finds anything. */
async function notices(directory: string): Promise<boolean> {
  try {
    const catalog = await openCatalog(directory)
    try {
      return (await faultsOf(catalog)).length > 0
    } finally {
      await catalog.close()
    }
  } catch (error) {
    expect((error as { code?: string }).code).toBe("CATALOG_CORRUPT")
    return true
  }
}
