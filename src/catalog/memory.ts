/**
 * The catalog in memory: the same transitions over sorted maps, for tests and for trying things out. It passes the same suite as the one on
 * LMDB and forgets everything when the process ends, but not when it is closed and opened again.
 */
import type { Clock } from "../core/clock.ts"
import { toStoredError } from "../core/error.ts"
import { seal, unseal } from "./encoding/value.ts"
import { RowCatalog } from "./row-catalog.ts"
import type { Engine, InspectedRow } from "./rows/engine.ts"
import { compareKeys } from "./rows/order.ts"
import { isBeyond, rangeStart } from "./rows/range.ts"
import type { RowRange } from "./rows/rows.ts"
import type { TableName, Tables } from "./rows/tables.ts"
import type { Write } from "./rows/transaction.ts"

export class MemoryCatalog extends RowCatalog {
  constructor(options: { clock?: Clock } = {}) {
    super(new MemoryEngine(), options.clock)
  }
}

/** Rows as sealed bytes, exactly as they would lie on disk; what is read is a fresh copy every time. */
export class MemoryEngine implements Engine {
  readonly #tables = new Map<TableName, SortedBytes>()

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  get<Name extends TableName>(table: Name, key: string): Tables[Name] | null {
    const bytes = this.#table(table).get(key)
    return bytes === undefined ? null : unseal(table, key, bytes, bytes.length)
  }

  *range<Name extends TableName>(table: Name, range: RowRange): Iterable<[string, Tables[Name]]> {
    let left = range.limit ?? Number.POSITIVE_INFINITY
    for (const [key, bytes] of this.#table(table).from(rangeStart(range))) {
      if (left-- <= 0 || isBeyond(key, range)) return
      yield [key, unseal(table, key, bytes, bytes.length)]
    }
  }

  async write(decide: () => Iterable<Write>): Promise<void> {
    // Everything is sealed before anything is kept: a record that cannot be written changes nothing.
    const sealed = Array.from(decide(), ({ table, key, record }) => {
      return { table, key, bytes: record === null ? null : seal(table, key, record) }
    })
    for (const { table, key, bytes } of sealed) this.#table(table).set(key, bytes)
  }

  inspect<Name extends TableName>(table: Name, after: string | undefined, limit: number): InspectedRow<Name>[] {
    const rows: InspectedRow<Name>[] = []
    for (const [key, bytes] of this.#table(table).from(rangeStart({ ...(after !== undefined && { after }) }))) {
      if (rows.length === limit) break
      try {
        rows.push({ key, record: unseal(table, key, bytes, bytes.length), fault: null })
      } catch (error) {
        rows.push({ key, record: null, fault: toStoredError(error) })
      }
    }
    return rows
  }

  #table(name: TableName): SortedBytes {
    let table = this.#tables.get(name)
    if (!table) {
      table = new SortedBytes()
      this.#tables.set(name, table)
    }
    return table
  }
}

/** A map with its keys in order. Keys are sorted again only when they are walked after a change. */
class SortedBytes {
  readonly #rows = new Map<string, Buffer>()
  #keys: string[] | null = []

  get(key: string): Buffer | undefined {
    return this.#rows.get(key)
  }

  set(key: string, bytes: Buffer | null): void {
    if (bytes !== null) {
      if (!this.#rows.has(key)) this.#keys = null
      this.#rows.set(key, bytes)
    } else if (this.#rows.delete(key)) this.#keys = null
  }

  /** Rows from a key on, as they stand when the walk begins; rows that go meanwhile are left out. */
  *from(start: string): Iterable<[string, Buffer]> {
    this.#keys ??= [...this.#rows.keys()].sort(compareKeys)
    const keys = this.#keys
    for (let index = lowerBound(keys, start); index < keys.length; index += 1) {
      const bytes = this.#rows.get(keys[index]!)
      if (bytes) yield [keys[index]!, bytes]
    }
  }
}

function lowerBound(keys: string[], start: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeys(keys[middle]!, start) < 0) low = middle + 1
    else high = middle
  }
  return low
}
