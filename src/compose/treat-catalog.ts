/** Mends a catalog that nobody has open. */
import { LmdbCatalog } from "../catalog/lmdb/catalog.ts"
import { systemClock } from "../core/clock.ts"
import { type CatalogTreatment, mendCatalog } from "../doctor/mend-catalog.ts"

/** Alone, before a runner works with it. */
export async function treatCatalog(directory: string): Promise<CatalogTreatment> {
  const catalog = new LmdbCatalog({ directory, examine: true })
  try {
    await catalog.open()
    return await mendCatalog(catalog, systemClock)
  } finally {
    await catalog.close()
  }
}
