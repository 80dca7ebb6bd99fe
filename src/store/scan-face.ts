/** The verbs for what lies at backends already: scans, and what differs from the catalog. */
import type { ScanRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { ErrorCode } from "../core/error.ts"

/** Why nothing is listed or read for the time being, although there is something to do. It goes on by itself. */
export interface ScanWait {
  /**
   * of the fault that passes, such as BACKEND_UNAVAILABLE or DISK_FULL; or OUT_OF_HOURS, where `scan.between` lets nothing be read now; or PAUSED, where the whole
   * backend is
   */
  code: ErrorCode | "OUT_OF_HOURS" | "PAUSED"
  message: string
}

/** How far the scan of a backend has come, or how the last one ended. */
export interface ScanStatus extends ScanRecord {
  /** files of `looks` that are being read now */
  reading: number
  /** files of `looks` that are left alone for a while, because they are written to */
  changing: number
  /** null: it goes on, or there is nothing to do */
  waits: ScanWait | null
}

export interface ScanOptions {
  /** whether content that is not known is read, so that it gets its id; absent: as the backend is set */
  hash?: boolean
  /** take what is missing for missing also where nothing at all lies there */
  force?: boolean
  principal?: string
  requestId?: string
}

/**
 * `new`: the catalog does not know it. `changed`: somebody has touched it. `missing`: it is gone. `corrupt`: what lies there is not what we wrote, or has gone bad.
 * `unread`: it is known, its content is not.
 */
export type DriftKind = "new" | "changed" | "missing" | "corrupt" | "unread"

export interface DriftEntry {
  kind: DriftKind
  /** inside the backend */
  key: string
  /** of the object; null where there is none */
  objectKey: string | null
  /** bytes that lie there now; null where nothing does */
  size: number | null
  /** what the catalog says should be there; null where it does not know */
  checksum: BlobId | null
  /** whether another copy could replace it */
  healable: boolean
  /** it is not read yet because somebody writes to it; absent: nobody does, as far as is known */
  changing?: true
}

export interface DriftOptions {
  limit?: number
  signal?: AbortSignal
}

export interface ScanFace {
  /**
   * Compares a backend with the catalog and takes in what is found (A18): resolves once it has begun. One that is under way goes on.
   * @throws UNKNOWN_BACKEND, and why the backend cannot be opened
   */
  scan(backend: string, options?: ScanOptions): Promise<ScanStatus>
  /** @throws UNKNOWN_BACKEND */
  scanStatus(backend: string): ScanStatus | Promise<ScanStatus>
  /** Ends listing and reading for a while. @throws UNKNOWN_BACKEND, CONFLICT where nothing is listed or left to be read */
  pauseScan(backend: string, options?: ScanOptions): Promise<ScanStatus>
  /** Ends it for good; what it has left to be read is left to the next one. @throws UNKNOWN_BACKEND, CONFLICT where nothing is listed or left to be read */
  cancelScan(backend: string, options?: ScanOptions): Promise<ScanStatus>
  /** What lies at a backend now against the catalog, in the order of the keys there; changes nothing. @throws UNKNOWN_BACKEND, and of the backend */
  drift(backend: string, options?: DriftOptions): AsyncIterable<DriftEntry>
  /**
   * Has places looked at of which somebody knows that they may have changed, such as a program that follows a file system's own log: keys inside the backend,
   * at most 10,000. How many are looked at; the journal keeps who asked, where that is said. @throws UNKNOWN_BACKEND, INVALID_KEY, INVALID_INPUT
   */
  look(backend: string, keys: readonly string[], actor?: { principal?: string; requestId?: string }): Promise<number>
  /** Has copies that are missing or bad brought back from others, also those that the backend was left to decide on. How many. */
  heal(backend: string, options?: { key?: string; principal?: string; requestId?: string }): Promise<number>
}
