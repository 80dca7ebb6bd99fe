/** A directory for one test, gone when it ends, and a catalog in it. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, onTestFinished } from "vitest"
import type { Catalog } from "../../src/catalog/catalog.ts"
import { LmdbCatalog, type LmdbCatalogOptions } from "../../src/catalog/lmdb/catalog.ts"
import { faultsOf } from "../contract/catalog.facts.ts"

export async function emptyDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stored-catalog-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** What a test of a catalog ends with: the catalog is clean in its own eyes. */
export async function expectWhole(catalog: Catalog): Promise<void> {
  expect(await faultsOf(catalog)).toEqual([])
}

export async function openCatalog(directory: string, options: Partial<LmdbCatalogOptions> = {}): Promise<LmdbCatalog> {
  const catalog = new LmdbCatalog({ directory, reserveBytes: 4096, ...options })
  onTestFinished(() => catalog.close())
  await catalog.open()
  return catalog
}
