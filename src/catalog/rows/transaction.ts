/**
 * The writes of a batch of commits, kept beside the rows they will change until the batch is whole. Each commit sees those before it; a commit
 * that is refused or breaks takes its own writes back and disturbs nobody else's. The engine then writes what is left in one go.
 */
import { compareKeys } from "./order.ts"
import { isBeyond, rangeStart } from "./range.ts"
import type { ReadRows, RowRange, Rows } from "./rows.ts"
import type { TableName, Tables } from "./tables.ts"

type AnyRecord = Tables[TableName]
/** null: removed */
type Written = Map<string, AnyRecord | null>

export interface Write {
  table: TableName
  key: string
  /** null: remove the row */
  record: AnyRecord | null
}

export class Transaction implements Rows {
  readonly #below: ReadRows
  readonly #written = new Map<TableName, Written>()
  /** records that the running commit made by `edit` */
  readonly #own = new Set<AnyRecord>()
  #undo: { table: Written; key: string; before: AnyRecord | null | undefined }[] = []

  constructor(below: ReadRows) {
    this.#below = below
  }

  get<Name extends TableName>(table: Name, key: string): Tables[Name] | null {
    const written = this.#written.get(table)?.get(key)
    return written === undefined ? this.#below.get(table, key) : (written as Tables[Name] | null)
  }

  edit<Name extends TableName>(table: Name, key: string, initial: Tables[Name]): Tables[Name] {
    const current = this.get(table, key)
    if (current !== null && this.#own.has(current)) return current
    const own = copyOf(current ?? initial)
    this.#write(table, key, own)
    this.#own.add(own)
    return own
  }

  put<Name extends TableName>(table: Name, key: string, record: Tables[Name]): void {
    this.#write(table, key, record)
  }

  remove(table: TableName, key: string): void {
    this.#write(table, key, null)
  }

  *range<Name extends TableName>(table: Name, range: RowRange): Iterable<[string, Tables[Name]]> {
    const { limit = Number.POSITIVE_INFINITY, ...bounds } = range
    const own = this.#ownKeys(table, bounds)
    if (own.length === 0) return yield* this.#below.range(table, range)
    let left = limit
    for (const key of this.#merged(table, bounds, own)) {
      if (left <= 0) return
      const record = this.get(table, key)
      if (record === null) continue
      left -= 1
      yield [key, record]
    }
  }

  /** Ends a commit that holds: what it wrote belongs to the batch now. */
  keep(): void {
    this.#undo = []
    this.#own.clear()
  }

  /** Ends a commit that does not: everything since the last `keep` is taken back. */
  undo(): void {
    for (const { table, key, before } of this.#undo.reverse()) {
      if (before === undefined) table.delete(key)
      else table.set(key, before)
    }
    this.keep()
  }

  *writes(): Iterable<Write> {
    for (const [table, rows] of this.#written) {
      for (const [key, record] of rows) yield { table, key, record }
    }
  }

  #write(table: TableName, key: string, record: AnyRecord | null): void {
    let rows = this.#written.get(table)
    if (!rows) {
      rows = new Map()
      this.#written.set(table, rows)
    }
    this.#undo.push({ table: rows, key, before: rows.get(key) })
    rows.set(key, record)
  }

  #ownKeys(table: TableName, bounds: RowRange): string[] {
    const start = rangeStart(bounds)
    const keys = [...(this.#written.get(table)?.keys() ?? [])]
    return keys.filter((key) => compareKeys(key, start) >= 0 && !isBeyond(key, bounds)).sort(compareKeys)
  }

  /** Keys of both in order, each once; some of them may be removed. */
  *#merged(table: TableName, bounds: RowRange, own: string[]): Iterable<string> {
    let next = 0
    for (const [key] of this.#below.range(table, bounds)) {
      while (next < own.length && compareKeys(own[next]!, key) < 0) yield own[next++]!
      if (own[next] === key) next += 1
      yield key
    }
    yield* own.slice(next)
  }
}

/** Rows that are edited in place are flat. */
function copyOf<Record extends AnyRecord>(record: Record): Record {
  return typeof record === "object" ? { ...record } : record
}
