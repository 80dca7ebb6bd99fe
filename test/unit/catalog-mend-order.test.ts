/**
 * The order of mending: what one kind of row is derived from may have to be mended itself first. Every case breaks two things at once, and one
 * round puts both right. What cannot be put right leaves its trace.
 */
import { describe, expect, test } from "vitest"
import { MemoryEngine } from "../../src/catalog/memory.ts"
import type { RowCatalog } from "../../src/catalog/row-catalog.ts"
import type { InspectedRow } from "../../src/catalog/rows/engine.ts"
import { wantingKey } from "../../src/catalog/rows/key.ts"
import type { TableName, Tables } from "../../src/catalog/rows/tables.ts"
import { StoredError } from "../../src/core/error.ts"
import { faultsOf, idOf, put } from "../contract/catalog.facts.ts"
import { FOLLOWS, lose, makeCatalog } from "./catalog-mend-rows.ts"

const A = "local\u0000a"
const PAIRS = FOLLOWS.flatMap((one, index) => FOLLOWS.slice(index + 1).map((other) => [one, other] as const))

/** One round leaves nothing to be found and nothing to be done. */
async function expectMended(catalog: RowCatalog): Promise<void> {
  expect(await faultsOf(catalog)).not.toEqual([])
  expect(await catalog.mend(9_000)).toBeGreaterThan(0)
  expect(await faultsOf(catalog)).toEqual([])
  expect(await catalog.mend(9_000)).toBe(0)
}

describe("one round of mending is enough", () => {
  test.each(PAIRS)("after the loss of all rows of %s and %s", async (one, other) => {
    const { engine, catalog } = await makeCatalog()
    await lose(engine, one)
    await lose(engine, other)
    await expectMended(catalog)
  })

  test.each(FOLLOWS)("after the loss of a location and all rows of %s: the location is wanted again", async (table) => {
    const { engine, catalog } = await makeCatalog()
    await lose(engine, table)
    await engine.write(() => [{ table: "locations", key: A, record: null }])
    await expectMended(catalog)
    expect(catalog.location("local", "a")).toMatchObject({ objectKey: "a", want: idOf("a"), state: "pending" })
    expect(catalog.blob(idOf("a"))).toMatchObject({ wanted: 3, synced: 1 })
  })

  test("after the loss of a location and of the last sequence: its new job takes the place of no other", async () => {
    const { engine, catalog } = await makeCatalog()
    const jobs = [...catalog.outbox({})]
    const totals = engine.get("totals", "totals")!
    await engine.write(() => [
      { table: "locations", key: A, record: null },
      { table: "totals", key: "totals", record: { ...totals, outboxSequence: jobs[0]!.sequence - 1 } },
    ])
    await expectMended(catalog)
    expect([...catalog.outbox({})].slice(0, -1)).toEqual(jobs)
    expect([...catalog.outbox({})].at(-1)).toMatchObject({ payload: { backend: "local", key: "a" } })
  })

  test("after wrong counts and a wrong list of what may go", async () => {
    const { engine, catalog } = await makeCatalog()
    const blob = engine.get("blobs", idOf("d"))!
    await lose(engine, "evictable")
    await engine.write(() => [{ table: "blobs", key: blob.id, record: { ...blob, synced: 0 } }])
    await expectMended(catalog)
    expect((await catalog.evictable({ limit: 9 })).entries).toContainEqual(expect.objectContaining({ id: blob.id }))
  })

  test("after a blob is left over that nobody has a use for: its job goes with it", async () => {
    const { engine, catalog } = await makeCatalog()
    await put(catalog, { key: "f", backends: [], sideChecksums: ["md5"] })
    await catalog.commitDelete({ key: "f", time: 3 })
    const blob = engine.get("blobs", idOf("f"))!
    expect(blob.checksumJob).not.toBeNull()
    await engine.write(() => [{ table: "blobs", key: blob.id, record: { ...blob, staged: false } }])
    await expectMended(catalog)
    expect(catalog.blob(blob.id)).toBeNull()
    expect(
      [...catalog.outbox({})].filter(({ payload }) => payload.kind === "checksum" && payload.id === blob.id),
    ).toEqual([])
  })
})

describe("the trace of a lost location stays", () => {
  test("where its object was lost too", async () => {
    const { engine, catalog } = await makeCatalog()
    await engine.write(() => [
      { table: "locations", key: A, record: null },
      { table: "objects", key: "a", record: null },
    ])
    await catalog.mend(9_000)
    await expectTrace(engine, catalog)
    expect(await catalog.mend(9_000)).toBe(0)
  })

  test("where its object cannot be read", async () => {
    const engine = new UnreadableEngine()
    const { catalog } = await makeCatalog(engine)
    await engine.write(() => [{ table: "locations", key: A, record: null }])
    engine.unreadable = { table: "objects", key: "a" }
    await catalog.mend(9_000)
    await expectTrace(engine, catalog)
  })

  test("where the rows that lead to its blob's objects cannot be read", async () => {
    const engine = new UnreadableEngine()
    const { catalog } = await makeCatalog(engine)
    await engine.write(() => [
      { table: "locations", key: A, record: null },
      { table: "objects", key: "a", record: null },
    ])
    engine.unreadable = { table: "objectsByBlob", key: `${idOf("a")}\u0000ka` }
    await catalog.mend(9_000)
    await expectTrace(engine, catalog)
  })

  test("but not where its object was deleted: then it leads nowhere", async () => {
    const { engine, catalog } = await makeCatalog()
    const row = wantingKey(idOf("c"), "local", "c")
    await engine.write(() => [
      { table: "locations", key: "local\u0000c", record: null },
      { table: "locationsByBlob", key: row, record: true },
      { table: "objectsByBlob", key: `${idOf("c")}\u0000kc`, record: true },
    ])
    await catalog.mend(9_000)
    expect(engine.get("locationsByBlob", row)).toBeNull()
    expect(await faultsOf(catalog)).toEqual([])
  })
})

/** It is found, and the bytes of the blob do not go on the word of the copies that are left. */
async function expectTrace(engine: MemoryEngine, catalog: RowCatalog): Promise<void> {
  expect(engine.get("locationsByBlob", wantingKey(idOf("a"), "local", "a"))).toBe(true)
  expect(engine.get("blobs", idOf("a"))).toMatchObject({ wanted: 3 })
  expect((await catalog.evictable({ limit: 9 })).entries.map(({ id }) => id)).not.toContain(idOf("a"))
  expect(await faultsOf(catalog)).toContainEqual(
    expect.objectContaining({ subject: "local a", message: expect.stringContaining("listed as wanting") }),
  )
}

/** Has one row whose bytes are damaged. */
class UnreadableEngine extends MemoryEngine {
  unreadable: { table: TableName; key: string } | null = null

  override get<Name extends TableName>(table: Name, key: string): Tables[Name] | null {
    this.#refuse(table, key)
    return super.get(table, key)
  }

  override *range<Name extends TableName>(
    ...[table, range]: Parameters<MemoryEngine["range"]>
  ): Iterable<[string, Tables[Name]]> {
    for (const [key, record] of super.range(table, range)) {
      this.#refuse(table, key)
      yield [key, record as Tables[Name]]
    }
  }

  override inspect<Name extends TableName>(
    table: Name,
    after: string | undefined,
    limit: number,
  ): InspectedRow<Name>[] {
    return super.inspect(table, after, limit).map((row) => {
      return this.#isUnreadable(table, row.key) ? { key: row.key, record: null, fault: damaged() } : row
    })
  }

  #refuse(table: TableName, key: string): void {
    if (this.#isUnreadable(table, key)) throw damaged()
  }

  #isUnreadable(table: TableName, key: string): boolean {
    return this.unreadable?.table === table && this.unreadable.key === key
  }
}

function damaged(): StoredError {
  return new StoredError("CATALOG_CORRUPT", "The row does not have its checksum.")
}
