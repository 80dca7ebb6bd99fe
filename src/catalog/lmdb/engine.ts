/**
 * Rows in LMDB: one environment, owned by this process; a sub-database a shelf; every value sealed with its checksum. Reads go to the memory map
 * or to the cache, which every write clears of what it changed before anybody is told that it is durable.
 *
 * LMDB shows a transaction to everybody as soon as it is written, which is before it is on the disk. Until then reads are given the state before it, which is
 * that of the cache: nothing is seen that a power cut could take back, and all rows that are read in one turn are of one commit.
 */
import type { Transaction } from "lmdb"
import { type Clock, systemClock } from "../../core/clock.ts"
import { StoredError, toStoredError } from "../../core/error.ts"
import { printOf, unseal } from "../encoding/value.ts"
import type { Engine, InspectedRow } from "../rows/engine.ts"
import { compareKeys, successor } from "../rows/order.ts"
import { isBeyond, rangeStart } from "../rows/range.ts"
import type { RowRange } from "../rows/rows.ts"
import type { TableName, Tables } from "../rows/tables.ts"
import type { Write } from "../rows/transaction.ts"
import { LONGEST_KEY_BYTES, type ShelfDatabase } from "./environment.ts"
import { type OpenedDirectory, openDirectory } from "./open.ts"
import { DEFAULT_RESERVE_BYTES, type Reserve } from "./reserve.ts"
import { RowCache } from "./row-cache.ts"
import { isOf, SHELVES } from "./shelf.ts"
import { transact } from "./transact.ts"

const CACHED: readonly TableName[] = ["objects", "blobs", "locations", "totals", "queues", "generations"]
/** Rows read at once; the first page is small, because many ranges are left early. */
const FIRST_PAGE = 16
const LARGEST_PAGE = 1024

export interface LmdbOptions {
  /** made where it is not there */
  directory: string
  clock?: Clock
  /** where others reach this process, for the error that they get when they open the directory too */
  address?: string
  /** held back for a full disk; absent: 8 MiB */
  reserveBytes?: number
  /** for a doctor: it must be there, its counts may be wrong, and no space is held back */
  examine?: boolean
}

export class LmdbEngine implements Engine {
  readonly #options: LmdbOptions
  readonly #cache = new RowCache(CACHED)
  #opened: OpenedDirectory | null = null
  /** while a write is under way: the state before it */
  #before: { transaction?: Transaction } = {}
  #ended = false

  constructor(options: LmdbOptions) {
    this.#options = options
  }

  get reserve(): Reserve {
    return this.#require().reserve
  }

  async open(): Promise<void> {
    const { directory, clock = systemClock, address = null, reserveBytes = DEFAULT_RESERVE_BYTES } = this.#options
    const { examine = false } = this.#options
    this.#opened ??= await openDirectory({ directory, clock, address, reserveBytes, examine })
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = null
    this.#cache.clear()
    await opened?.close(this.#ended)
  }

  get<Name extends TableName>(table: Name, key: string): Tables[Name] | null {
    const cached = this.#cache.get(table, key)
    if (cached !== undefined) return cached
    const { tables } = this.#require()
    if (key === "" || isTooLong(key)) return null
    const bytes = tables[SHELVES[table]].getBinaryFast(key, this.#before)
    if (bytes === undefined) return null
    const row = asBuffer(bytes)
    const record = unseal(table, key, row, bytes.length)
    this.#cache.keep(table, key, record, bytes.length, printOf(row))
    return record
  }

  *range<Name extends TableName>(table: Name, range: RowRange): Iterable<[string, Tables[Name]]> {
    let left = range.limit ?? Number.POSITIVE_INFINITY
    let start = rangeStart(range)
    for (let size = FIRST_PAGE; left > 0; size = Math.min(size * 4, LARGEST_PAGE)) {
      const page = this.#page(table, start, size, range)
      for (const { key, bytes } of page.rows) {
        if (left-- <= 0) return
        yield [key, unseal(table, key, bytes, bytes.length)]
      }
      if (page.next === null) return
      start = page.next
    }
  }

  inspect<Name extends TableName>(table: Name, after: string | undefined, limit: number): InspectedRow<Name>[] {
    const rows: InspectedRow<Name>[] = []
    let start: string | null = after === undefined ? "" : successor(after)
    while (start !== null && rows.length < limit) {
      const page = this.#page(table, start, limit, {})
      for (const { key, bytes } of page.rows.slice(0, limit - rows.length)) rows.push(inspectRow(table, key, bytes))
      start = page.next
    }
    return rows
  }

  async write(decide: () => Iterable<Write>): Promise<void> {
    const { env, tables, ownership } = this.#require()
    const written: { table: TableName; key: string }[] = []
    const transaction = env.useReadTransaction()
    this.#before = { transaction }
    try {
      await transact(env, this.#options.directory, () => {
        ownership.require()
        for (const write of decide()) {
          apply(tables[SHELVES[write.table]], write)
          written.push(write)
        }
      })
    } catch (error) {
      this.#cache.clear()
      this.#ended ||= toStoredError(error).code === "COMMIT_UNKNOWN"
      throw error
    } finally {
      this.#before = {}
      transaction.done()
    }
    for (const { table, key } of written) this.#cache.drop(table, key)
  }

  /** Up to `size` rows of the shelf from a key on, of which those of the table are given; `next`: where to go on, null at the end. */
  #page(
    table: TableName,
    start: string,
    size: number,
    bounds: RowRange,
  ): { rows: { key: string; bytes: Buffer }[]; next: string | null } {
    const rows: { key: string; bytes: Buffer }[] = []
    let last = ""
    let seen = 0
    const { tables } = this.#require()
    const options = { start: clip(start), limit: size, snapshot: false, ...this.#before }
    for (const { key, value } of tables[SHELVES[table]].getRange(options)) {
      if (isBeyond(key, bounds)) return { rows, next: null }
      last = key
      seen += 1
      if (isOf(table, key) && compareKeys(key, start) >= 0) rows.push({ key, bytes: value as unknown as Buffer })
    }
    return { rows, next: seen < size ? null : successor(last) }
  }

  #require(): OpenedDirectory {
    if (this.#opened) return this.#opened
    throw new StoredError("CLOSED", "The catalog is not open.")
  }
}

function apply(shelf: ShelfDatabase, { table, key, record }: Write): void {
  if (record === null) shelf.remove(key)
  else shelf.put(key, { table, key, record })
}

function inspectRow<Name extends TableName>(table: Name, key: string, bytes: Buffer): InspectedRow<Name> {
  try {
    return { key, record: unseal(table, key, bytes, bytes.length), fault: null }
  } catch (error) {
    return { key, record: null, fault: toStoredError(error) }
  }
}

/** Large values come as a plain view of the memory map. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** No row has such a key, and LMDB would refuse to look for it. */
function isTooLong(key: string): boolean {
  return key.length > LONGEST_KEY_BYTES / 3 && Buffer.byteLength(key) > LONGEST_KEY_BYTES
}

/** A beginning that LMDB can look for and that is not behind any key from the given one on. Undefined: the first key. */
function clip(start: string): string | undefined {
  if (start === "") return undefined
  return isTooLong(start) ? start.slice(0, Math.floor(LONGEST_KEY_BYTES / 3) - 1) : start
}
