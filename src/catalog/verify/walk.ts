/** Walks a table row by row, good and bad ones, and lets others have a turn now and then. */
import { isStoredError } from "../../core/error.ts"
import type { CatalogFault } from "../catalog.ts"
import type { Engine } from "../rows/engine.ts"
import type { TableName, Tables } from "../rows/tables.ts"

const PAGE = 500

export type Invariant = CatalogFault["invariant"]

export function fault(invariant: Invariant, subject: string, message: string): CatalogFault {
  return { invariant, subject: subject.replaceAll("\u0000", " "), message }
}

/** Faults of rows that cannot be read, and what `check` finds in each of the others. */
export async function* walk<Name extends TableName>(
  engine: Engine,
  table: Name,
  check: (key: string, record: Tables[Name]) => Iterable<CatalogFault>,
): AsyncGenerator<CatalogFault> {
  let after: string | undefined
  for (;;) {
    const page = engine.inspect(table, after, PAGE)
    for (const row of page) {
      if (row.fault) yield fault("I12", `${table} ${row.key}`, row.fault.message)
      else yield* check(row.key, row.record)
    }
    if (page.length < PAGE) return
    after = page.at(-1)!.key
    await new Promise((resume) => setImmediate(resume))
  }
}

/** The rows of a table that can be read, in order; the others are told of by `walk`. */
export async function* eachRow<Name extends TableName>(
  engine: Engine,
  table: Name,
): AsyncGenerator<[key: string, record: Tables[Name]]> {
  let after: string | undefined
  for (;;) {
    const page = engine.inspect(table, after, PAGE)
    for (const row of page) if (!row.fault) yield [row.key, row.record]
    if (page.length < PAGE) return
    after = page.at(-1)!.key
    await new Promise((resume) => setImmediate(resume))
  }
}

/** A row that others point to: null where there is none, undefined where it cannot be read (its own table's walk tells of that). */
export function look<Name extends TableName>(
  engine: Engine,
  table: Name,
  key: string,
): Tables[Name] | null | undefined {
  try {
    return engine.get(table, key)
  } catch (error) {
    if (isStoredError(error) && error.code === "CATALOG_CORRUPT") return undefined
    throw error
  }
}
