/**
 * Rows that were read lately, decoded. Two generations: a hit in the old one moves to the young one, and when the young one is full the old
 * one goes. So it is bounded, keeps what is used, and costs a map lookup. What lies inside a kept record is frozen, because every reader shares
 * it; the record itself never leaves the catalog.
 */
import type { TableName, Tables } from "../rows/tables.ts"

type AnyRecord = Tables[TableName]

/** Encoded bytes in one generation of one table; decoded they take about four times as much. */
const GENERATION_BYTES = 4 * 2 ** 20
/** What the map itself takes for a row. */
const ROW_OVERHEAD = 100

export class RowCache {
  readonly #tables = new Map<TableName, Generations>()

  constructor(tables: readonly TableName[]) {
    for (const table of tables) this.#tables.set(table, new Generations())
  }

  get<Name extends TableName>(table: Name, key: string): Tables[Name] | undefined {
    return this.#tables.get(table)?.get(key) as Tables[Name] | undefined
  }

  /** @param bytes encoded size of the record */
  keep<Name extends TableName>(table: Name, key: string, record: Tables[Name], bytes: number): void {
    const generations = this.#tables.get(table)
    if (!generations) return
    freezeInside(record)
    generations.set(key, record, bytes)
  }

  drop(table: TableName, key: string): void {
    this.#tables.get(table)?.delete(key)
  }

  clear(): void {
    for (const generations of this.#tables.values()) generations.clear()
  }
}

interface Kept {
  record: AnyRecord
  bytes: number
}

class Generations {
  #young = new Map<string, Kept>()
  #old = new Map<string, Kept>()
  /** of the young generation */
  #bytes = 0

  get(key: string): AnyRecord | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young.record
    const old = this.#old.get(key)
    if (old === undefined) return undefined
    this.#old.delete(key)
    this.#keep(key, old)
    return old.record
  }

  set(key: string, record: AnyRecord, bytes: number): void {
    this.#keep(key, { record, bytes: bytes + ROW_OVERHEAD })
  }

  delete(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
    this.#bytes = 0
  }

  #keep(key: string, kept: Kept): void {
    this.#young.set(key, kept)
    this.#bytes += kept.bytes
    if (this.#bytes < GENERATION_BYTES) return
    this.#old = this.#young
    this.#young = new Map()
    this.#bytes = 0
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
