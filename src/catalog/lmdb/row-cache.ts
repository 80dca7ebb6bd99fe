/**
 * Rows that are read again and again, decoded.
 *
 * - Bounded in bytes for each table. When a table is full, the hand goes round its rows in the order in which they came: what was used since it
 *   passed last stays, what was not goes (SIEVE, Zhang et al., NSDI 2024). A hit costs a map lookup and sets a flag.
 * - Once a table is half full, a row is taken only when it is read for the second time within a while. Reads that never repeat would
 *   otherwise pay for keeping, freezing and throwing away each row, which is as much as reading it.
 * - What lies inside a kept record is frozen, because every reader shares it; the record itself never leaves the catalog.
 */
import type { TableName, Tables } from "../rows/tables.ts"

type AnyRecord = Tables[TableName]

/** Encoded bytes of one table; decoded they take several times as much, and there are nine tables: some 12 MiB of heap when all are full. */
const TABLE_BYTES = 2 ** 20
/** What the map itself takes for a row. */
const ROW_OVERHEAD = 100
/** Rows that are dropped before a hand that stands still begins anew. */
const MOST_DROPPED = 4096
/** Reads that are remembered, about as many as rows fit; a power of two. */
const SEEN_SLOTS = 4096

export class RowCache {
  readonly #tables = new Map<TableName, TableCache>()

  constructor(tables: readonly TableName[]) {
    for (const table of tables) this.#tables.set(table, new TableCache())
  }

  get<Name extends TableName>(table: Name, key: string): Tables[Name] | undefined {
    return this.#tables.get(table)?.get(key) as Tables[Name] | undefined
  }

  /**
   * @param bytes encoded size of the record
   * @param print any number of 32 bits that tells rows apart, such as their checksum
   */
  keep<Name extends TableName>(table: Name, key: string, record: Tables[Name], bytes: number, print: number): void {
    this.#tables.get(table)?.keep(key, record, bytes + ROW_OVERHEAD, print)
  }

  drop(table: TableName, key: string): void {
    this.#tables.get(table)?.delete(key)
  }

  clear(): void {
    for (const cache of this.#tables.values()) cache.clear()
  }
}

interface Kept {
  record: AnyRecord
  bytes: number
  /** since the hand passed */
  used: boolean
}

class TableCache {
  readonly #rows = new Map<string, Kept>()
  readonly #seen = new Uint32Array(SEEN_SLOTS)
  #hand = this.#rows.entries()
  /** since the hand moved */
  #dropped = 0
  #bytes = 0

  get(key: string): AnyRecord | undefined {
    const kept = this.#rows.get(key)
    if (kept === undefined) return undefined
    kept.used = true
    return kept.record
  }

  keep(key: string, record: AnyRecord, bytes: number, print: number): void {
    if (this.#bytes > TABLE_BYTES / 2 && !this.#seenBefore(print)) return
    freezeInside(record)
    this.delete(key)
    this.#rows.set(key, { record, bytes, used: false })
    this.#bytes += bytes
    while (this.#bytes > TABLE_BYTES) this.#passOne()
  }

  delete(key: string): void {
    const kept = this.#rows.get(key)
    if (kept === undefined) return
    this.#rows.delete(key)
    this.#bytes -= kept.bytes
    this.#dropped += 1
    // An iterator that stands still holds all that the map ever held since: each table that it has outgrown or tidied leads to the next.
    if (this.#dropped > MOST_DROPPED) this.#anew()
  }

  clear(): void {
    this.#rows.clear()
    this.#anew()
    this.#bytes = 0
  }

  #anew(): void {
    this.#hand = this.#rows.entries()
    this.#dropped = 0
  }

  #seenBefore(print: number): boolean {
    const slot = print & (SEEN_SLOTS - 1)
    const before = this.#seen[slot]
    this.#seen[slot] = print
    return before === print
  }

  #passOne(): void {
    this.#dropped = 0
    const { done, value } = this.#hand.next()
    if (done) this.#anew()
    else if (value[1].used) value[1].used = false
    else this.delete(value[0])
  }
}

function freezeInside(record: AnyRecord): void {
  if (typeof record !== "object") return
  for (const name in record) deepFreeze(record[name as keyof AnyRecord])
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const name in value) deepFreeze(value[name as never])
}
