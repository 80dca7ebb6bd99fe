/** A catalog whose rows the tests of mending take away, and which of them follow from others. */
import { expect } from "vitest"
import { MemoryEngine } from "../../src/catalog/memory.ts"
import { RowCatalog } from "../../src/catalog/row-catalog.ts"
import type { TableName } from "../../src/catalog/rows/tables.ts"
import { eachRow } from "../../src/catalog/verify/walk.ts"
import { FAULT, faultsOf, put, settle } from "../contract/catalog.facts.ts"
import { see } from "../contract/catalog.sightings.ts"

/** A catalog with rows in every table: proven, pending, parked and deleted copies, side checksums done and awaited, a found file that was touched. */
export async function makeCatalog(engine = new MemoryEngine()): Promise<{ engine: MemoryEngine; catalog: RowCatalog }> {
  const catalog = new RowCatalog(engine)
  await catalog.open()
  await catalog.commitBackend({ name: "local", driver: "fs", config: {}, created: 1 }, {})
  for (const key of ["a", "b", "c"]) await put(catalog, { key, backends: ["local", "remote"], sideChecksums: ["md5"] })
  await put(catalog, { key: "same as a", content: "a" })
  await put(catalog, { key: "d", content: "d", checksums: { md5: "e".repeat(32) } })
  for (const backend of ["local", "remote"]) await settle(catalog, "a", "done", { backend })
  await settle(catalog, "d", "done")
  await settle(catalog, "b", { type: "park", error: FAULT })
  await put(catalog, { key: "e", content: "e" })
  await catalog.commitDelete({ key: "e", time: 2 })
  await settle(catalog, "e", "done")
  await catalog.commitDelete({ key: "c", time: 3 })
  for (const modified of [1, 2])
    await see(catalog, { touched: { content: "touched", modified, read: modified === 1 } }, { backend: "local" })
  expect(await faultsOf(catalog)).toEqual([])
  return { engine, catalog }
}

export async function keysOf(engine: MemoryEngine, table: TableName): Promise<string[]> {
  const keys: string[] = []
  for await (const [key] of eachRow(engine, table)) keys.push(key)
  return keys
}

/** Takes all rows of a table. */
export async function lose(engine: MemoryEngine, table: TableName): Promise<void> {
  const keys = await keysOf(engine, table)
  await engine.write(() => keys.map((key) => ({ table, key, record: null })))
}

export const FOLLOWS = [
  "objectsByBlob",
  "locationsByBlob",
  "outbox",
  "outboxDue",
  "parked",
  "queues",
  "evictable",
  "checksums",
  "looks",
  "scans",
] as const satisfies TableName[]
