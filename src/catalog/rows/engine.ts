/**
 * What keeps the rows: LMDB, or memory. The catalog's meaning lies above it, in the transitions, and is the same for both.
 *
 * - Reads see every write that has resolved, and nothing of one that has not: whoever tells of what was read tells of what stays.
 * - All that is read in one turn of the event loop is of one write.
 * - One write at a time. It is all or nothing, and durable when it resolves.
 */
import type { StoredError } from "../../core/error.ts"
import type { ReadRows } from "./rows.ts"
import type { TableName, Tables } from "./tables.ts"
import type { Write } from "./transaction.ts"

/** A row as it is found, good or bad. */
export type InspectedRow<Name extends TableName> =
  | { key: string; record: Tables[Name]; fault: null }
  | { key: string; record: null; fault: StoredError }

export interface Engine extends ReadRows {
  open(): Promise<void>
  close(): Promise<void>
  /**
   * Calls `decide` once, while nobody else writes, and stores what it gives. `decide` does not throw.
   * @throws StoredError DISK_FULL (nothing was changed), COMMIT_UNKNOWN, DATA_DIRECTORY_IN_USE (somebody took the directory over)
   */
  write(decide: () => Iterable<Write>): Promise<void>
  /** Up to `limit` rows after a key, bad ones too. */
  inspect<Name extends TableName>(table: Name, after: string | undefined, limit: number): InspectedRow<Name>[]
  /** Optional ability: space held back for a full disk. */
  readonly reserve?: SpaceReserve
}

export interface SpaceReserve {
  /** whether the space is held; while it is not, only commits that free something are taken */
  readonly held: boolean
  /** Gives the space up. False: there was none. */
  release(): Promise<boolean>
  /** Takes the space again where the disk has it. Whether it is held now. */
  restore(): Promise<boolean>
}
