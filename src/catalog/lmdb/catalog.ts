/**
 * The catalog on LMDB: what a server runs on. One process owns the directory; commits that are called at the same time share one flush; each
 * resolves only when it is on disk.
 */
import { RowCatalog } from "../row-catalog.ts"
import { LmdbEngine, type LmdbOptions } from "./engine.ts"

export type LmdbCatalogOptions = LmdbOptions

export class LmdbCatalog extends RowCatalog {
  constructor(options: LmdbCatalogOptions) {
    super(new LmdbEngine(options), options.clock)
  }
}
