/**
 * What the catalog mends: every row that follows from others is lost or spoilt, one at a time, and afterwards the catalog is clean in its own
 * eyes. Rows that follow from nothing are not invented, and their loss is not covered up.
 */
import { describe, expect, test } from "vitest"
import type { TableName, TotalsRow } from "../../src/catalog/rows/tables.ts"
import type { BlobId } from "../../src/core/blob-id.ts"
import { faultsOf } from "../contract/catalog.facts.ts"
import { FOLLOWS, keysOf, lose, makeCatalog } from "./catalog-mend-rows.ts"

const FOLLOWS_FROM_NOTHING = ["objects", "blobs", "journal"] as const satisfies TableName[]

describe("the catalog mends itself", () => {
  test.each(FOLLOWS)("after the loss of any row of %s", async (table) => {
    const keys = await keysOf((await makeCatalog()).engine, table)
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      const { engine, catalog } = await makeCatalog()
      await engine.write(() => [{ table, key, record: null }])
      expect(await faultsOf(catalog), `without ${key}`).not.toEqual([])
      expect(await catalog.mend(9_000), `without ${key}`).toBeGreaterThan(0)
      expect(await faultsOf(catalog), `without ${key}`).toEqual([])
      expect(await catalog.mend(9_000), "there is nothing left to do").toBe(0)
    }
  })

  test("after the loss of all of them at once", async () => {
    const { engine, catalog } = await makeCatalog()
    for (const table of FOLLOWS) await lose(engine, table)
    await catalog.mend(9_000)
    expect(await faultsOf(catalog)).toEqual([])
    // What was proven stays so, and what was not has its job again.
    expect(catalog.location("local", "a")).toMatchObject({ state: "synced" })
    expect(catalog.due("sync-local", { now: 9_000, limit: 9 }).map((job) => job.payload)).toMatchObject(
      ["b", "c", "same as a"].map((key) => ({ kind: "sync", backend: "local", key })),
    )
  })

  test("after wrong counts of any kind", async () => {
    const { engine, catalog } = await makeCatalog()
    const names = Object.keys(engine.get("totals", "totals")!) as (keyof TotalsRow)[]
    for (const name of names) {
      const totals = engine.get("totals", "totals")!
      const value = totals[name]
      if (typeof value !== "number" || name === "journal" || name.startsWith("syncs")) continue
      await engine.write(() => [{ table: "totals", key: "totals", record: { ...totals, [name]: value + 3 } }])
      await catalog.mend(9_000)
      expect(await faultsOf(catalog), name).toEqual([])
    }
    const [id] = await keysOf(engine, "blobs")
    for (const count of ["references", "wanted", "synced"] as const) {
      const blob = engine.get("blobs", id!)!
      await engine.write(() => [{ table: "blobs", key: id!, record: { ...blob, [count]: blob[count] + 1 } }])
      expect(await faultsOf(catalog), count).not.toEqual([])
      await catalog.mend(9_000)
      expect(await faultsOf(catalog), count).toEqual([])
      expect(engine.get("blobs", id!)).toMatchObject({ [count]: blob[count] })
    }
  })

  test("and gives a new job no sequence that another has", async () => {
    const { engine, catalog } = await makeCatalog()
    const totals = engine.get("totals", "totals")!
    const location = engine.get("locations", "local\u0000same as a")!
    await engine.write(() => [
      { table: "totals", key: "totals", record: { ...totals, outboxSequence: 0 } },
      { table: "locations", key: "local\u0000same as a", record: { ...location, job: null } },
    ])
    const before = [...catalog.outbox({})]
    await catalog.mend(9_000)
    expect(await faultsOf(catalog)).toEqual([])
    expect([...catalog.outbox({})]).toHaveLength(before.length)
  })

  test("rows that lead nowhere go", async () => {
    const { engine, catalog } = await makeCatalog()
    const [id] = await keysOf(engine, "blobs")
    await engine.write(() => [
      { table: "objectsByBlob", key: `${id}\u0000ke`, record: true },
      { table: "locationsByBlob", key: `${id}\u0000llocal\u0000nobody`, record: true },
      { table: "outboxDue", key: "sync-local\u00000000000000000100000000000063", record: true },
      { table: "evictable", key: `00000000000001\u0000${id}`, record: 5 },
      { table: "checksums", key: `md5:${"0".repeat(32)}\u0000${id}`, record: true },
      { table: "queues", key: "sync-nowhere", record: { due: 1, parked: 0 } },
    ])
    expect((await faultsOf(catalog)).length).toBeGreaterThan(5)
    expect(await catalog.mend(9_000)).toBe(6)
    expect(await faultsOf(catalog)).toEqual([])
  })

  test("a lost location comes back from its object, to be looked at", async () => {
    const { engine, catalog } = await makeCatalog()
    await engine.write(() => [{ table: "locations", key: "local\u0000a", record: null }])
    await catalog.mend(9_000)
    expect(await faultsOf(catalog)).toEqual([])
    expect(catalog.location("local", "a")).toMatchObject({ objectKey: "a", state: "pending", have: null })
  })
})

describe("the catalog does not invent", () => {
  test.each(FOLLOWS_FROM_NOTHING)("lost rows of %s", async (table) => {
    for (const key of await keysOf((await makeCatalog()).engine, table)) {
      const { engine, catalog } = await makeCatalog()
      // A blob that nobody names any more is no loss.
      if (table === "blobs" && catalog.blob(key as BlobId)?.references === 0) continue
      await engine.write(() => [{ table, key, record: null }])
      const before = await faultsOf(catalog)
      await catalog.mend(9_000)
      const after = await faultsOf(catalog)
      expect(before, `without ${key}`).not.toEqual([])
      expect(after, `without ${key}`).not.toEqual([])
      expect(engine.get(table, key), `without ${key}`).toBeNull()
    }
  })
})
