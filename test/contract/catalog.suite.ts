/**
 * The contract of the catalog as tests. An implementation joins with one that makes an open, empty catalog; each test has its own, and ends
 * with the catalog checked against itself.
 */
import { afterEach, beforeEach, describe } from "vitest"
import type { Catalog } from "../../src/catalog/catalog.ts"
import { faultsOf } from "./catalog.facts.ts"
import { backendCases } from "./catalog-cases/backend.ts"
import { copyCases } from "./catalog-cases/copy.ts"
import { deleteCases } from "./catalog-cases/delete.ts"
import { evictCases } from "./catalog-cases/evict.ts"
import { journalCases } from "./catalog-cases/journal.ts"
import { listCases } from "./catalog-cases/list.ts"
import { outcomeCases } from "./catalog-cases/outcome.ts"
import { putCases } from "./catalog-cases/put.ts"
import { putPlaceCases } from "./catalog-cases/put-places.ts"
import { repairCases } from "./catalog-cases/repair.ts"
import { scanCases } from "./catalog-cases/scans.ts"
import { seenCases } from "./catalog-cases/seen.ts"
import { changedCases } from "./catalog-cases/sightings-changed.ts"
import { foundCases } from "./catalog-cases/sightings-found.ts"
import { markedCases } from "./catalog-cases/sightings-marked.ts"
import { movedCases } from "./catalog-cases/sightings-moved.ts"
import { tokenCases } from "./catalog-cases/tokens.ts"
import { validationCases } from "./catalog-cases/validations.ts"

export interface CatalogUnderTest {
  catalog: Catalog
  /** Closes and opens the same catalog again. */
  reopen(): Promise<Catalog>
  /** Closes it and takes away all that it left. */
  end(): Promise<void>
}

/** What the cases get: the catalog of the running test. */
export interface Subject {
  readonly catalog: Catalog
  reopen(): Promise<void>
}

export function catalogSuite(name: string, make: () => Promise<CatalogUnderTest>): void {
  describe(`catalog contract: ${name}`, () => {
    let current: CatalogUnderTest
    let catalog: Catalog
    const subject: Subject = {
      get catalog() {
        return catalog
      },
      async reopen() {
        catalog = await current.reopen()
      },
    }

    beforeEach(async () => {
      current = await make()
      catalog = current.catalog
    })

    afterEach(async ({ expect }) => {
      try {
        expect(await faultsOf(catalog)).toEqual([])
      } finally {
        await current.end()
      }
    })

    putCases(subject)
    putPlaceCases(subject)
    copyCases(subject)
    deleteCases(subject)
    outcomeCases(subject)
    repairCases(subject)
    evictCases(subject)
    journalCases(subject)
    listCases(subject)
    backendCases(subject)
    foundCases(subject)
    changedCases(subject)
    movedCases(subject)
    markedCases(subject)
    scanCases(subject)
    seenCases(subject)
    tokenCases(subject)
    validationCases(subject)
  })
}
