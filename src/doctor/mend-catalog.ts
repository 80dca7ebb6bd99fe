/** The catalog's own treatment, before anybody works with it: what follows from other rows is derived again, and what is left is told. */
import type { Catalog, CatalogFault } from "../catalog/catalog.ts"
import type { Clock } from "../core/clock.ts"
import { isStoredError } from "../core/error.ts"
import type { Finding } from "./finding.ts"

export interface CatalogTreatment {
  /** what was mended */
  findings: Finding[]
  /** false: faults are left that nobody can mend with certainty, and nothing should be built on them */
  isWhole: boolean
}

export async function mendCatalog(catalog: Pick<Catalog, "verify" | "mend">, clock: Clock): Promise<CatalogTreatment> {
  const before = await Array.fromAsync(catalog.verify())
  if (before.length === 0) return { findings: [], isWhole: true }
  const after = (await tryMend(catalog, clock)) ? await Array.fromAsync(catalog.verify()) : before
  const left = new Set(after.map(nameOf))
  const findings = before
    .filter((fault) => !left.has(nameOf(fault)))
    .map((fault) => ({ ...fault, severity: "fault" as const, repair: "derived again from other rows" }))
  return { findings, isWhole: after.length === 0 }
}

/** False where the totals cannot be read: then nothing can be committed. */
async function tryMend(catalog: Pick<Catalog, "mend">, clock: Clock): Promise<boolean> {
  try {
    await catalog.mend(clock.now())
    return true
  } catch (error) {
    if (isStoredError(error) && error.code === "CATALOG_CORRUPT") return false
    throw error
  }
}

function nameOf({ invariant, subject, message }: CatalogFault): string {
  return JSON.stringify([invariant, subject, message])
}
