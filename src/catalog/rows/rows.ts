/**
 * Ordered rows in tables: all that a transition needs of a store. Reads inside a transaction see its own writes; nothing is seen by others
 * before the transaction is durable. Records that are read are shared and must not be changed: write a new one.
 */
import type { TableName, Tables } from "./tables.ts"

/** All bounds hold at the same time; order is by the UTF-8 bytes of the key. */
export interface RowRange {
  prefix?: string
  /** only keys after this one */
  after?: string
  /** only keys before this one */
  before?: string
  limit?: number
}

export interface ReadRows {
  /** @throws StoredError CATALOG_CORRUPT */
  get<Name extends TableName>(table: Name, key: string): Tables[Name] | null
  /** @throws StoredError CATALOG_CORRUPT, once the bad row is reached */
  range<Name extends TableName>(table: Name, range: RowRange): Iterable<[key: string, record: Tables[Name]]>
}

export interface Rows extends ReadRows {
  /** The row as a copy of this commit's own, which alone may be changed in place, until the commit ends. `initial`: where there is none yet. */
  edit<Name extends TableName>(table: Name, key: string, initial: Tables[Name]): Tables[Name]
  put<Name extends TableName>(table: Name, key: string, record: Tables[Name]): void
  remove(table: TableName, key: string): void
}
