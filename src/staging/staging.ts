/**
 * The contract of staging: the local content-addressed area in which every put lands first and remote reads are cached.
 *
 * Duties:
 * - `receive` streams a source once into a private temporary file, hashing on the way, checks it against what was
 *   declared, and places it under its content path. When it resolves with `durable`, the bytes survive a power cut. On any
 *   failure nothing is left behind. Content that is there already is verified before it is trusted, and replaced if bad.
 * - Two receives of the same content at the same time both succeed and leave one copy.
 * - What a `Hold` holds is not removed. A received blob is held until its hold is released, so that the caller can commit it.
 * - Staging never decides by itself what may go: an `EvictionLedger` (the catalog) does, and re-checks when it commits.
 * - It refuses with QUOTA_EXCEEDED before it is over `maxSize`, and with DISK_FULL before the disk is.
 */
import type { Readable } from "node:stream"
import type { BlobId } from "../core/blob-id.ts"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import type { Checksums, IdAlgorithm } from "../core/checksum.ts"

export interface ReceiveOptions {
  /** makes the id */
  algorithm: IdAlgorithm
  /** declared checksums; any that does not match is CHECKSUM_MISMATCH */
  expect?: Checksums
  /** false skips the fsyncs (`durability: "os"`) */
  durable: boolean
  /** largest size in bytes that is taken; more is TOO_LARGE */
  maxBytes?: number
  signal?: AbortSignal
  /** told the first bytes (at least 4,100 where there are as many) before the end, for type detection */
  onHead?(head: Uint8Array): void
  /**
   * Given what is being written, to read it before its end. Small content, and content that is not read as a stream, comes without; whoever is
   * called must close what it was given, also where the receive fails.
   */
  follow?(content: GrowingContent): void
}

/** Content on its way into staging: not verified yet, and readable for as long as it is not closed, whatever becomes of the receive. */
export interface GrowingContent {
  /** bytes from the start that can be read now */
  readonly written: number
  /** Bytes from `start`, below `written`; at most `most`, fewer only at `written`. */
  read(start: number, most: number): Promise<Buffer>
  /** Waits for reads under way. May be called twice. */
  close(): Promise<void>
}

export interface Hold {
  release(): void
}

export interface Received {
  id: BlobId
  /** bytes */
  size: number
  /** the id's own checksum and every one in `expect` */
  checksums: Checksums
  /** true where good content was there already */
  reused: boolean
  hold: Hold
}

/** What staging must ask before it drops anything. Implemented by the catalog; all byte counts are of staged content. */
export interface EvictionLedger {
  /** Ids that may go now, least recently used first. */
  evictable(options: { limit: number; after?: string }): Promise<{ entries: EvictableEntry[]; cursor: string | null }>
  /** Re-checks inside one transaction that the blob may go, and marks it unstaged. False: it may not go. */
  commitEvict(id: BlobId): Promise<boolean>
  /** bytes of staged content, and how many of them no backend has yet */
  usage(): { bytes: number; entries: number; pinnedBytes: number; pinnedEntries: number }
}

export interface EvictableEntry {
  id: BlobId
  size: number
  /** UTC ms */
  lastRead: number
}

export interface StagingStats {
  /** bytes of content */
  size: number
  entries: number
  hits: number
  misses: number
  /** bytes that may not go because a backend still wants them */
  pinned: number
  maxSize: number | null
}

export type ContentCheck = "good" | "missing" | "corrupt"

/** Something that lies in staging and is neither content nor in use. */
export interface Leftover {
  /** `temporary`: of something that did not end; `quarantined`: bad content that was moved aside */
  kind: "temporary" | "quarantined"
  path: string
  /** bytes */
  size: number
  /** the blob that bad content was taken for, null where that cannot be told */
  id: BlobId | null
}

export interface RecoveryReport {
  /** blobs whose content was put back or completed from the intake log */
  restored: number
  /** temporary files removed */
  swept: number
}

export interface Staging {
  /** Prepares the directories. Nothing may be received before `recover`. @throws StoredError DATA_DIRECTORY_UNUSABLE … */
  open(): Promise<void>
  /** After a crash: completes from the intake log what `wants` says must be there, removes temporary files. Idempotent. */
  recover(wants: (id: BlobId) => boolean): Promise<RecoveryReport>
  close(): Promise<void>

  receive(source: BlobSource, options: ReceiveOptions): Promise<Received>
  /** A fresh source over staged content, or null where it is not there in full size. Not verified; see `read`. */
  source(id: BlobId, size: number): Promise<BlobSource | null>
  /**
   * A stream of staged content. A whole read is hashed on the way: if it does not match, the stream is destroyed with CORRUPT
   * before its last bytes, never ended. A range is not verified unless `verify` asks for it. @throws NOT_FOUND
   */
  read(
    id: BlobId,
    size: number,
    options?: { range?: ByteRange; verify?: boolean; signal?: AbortSignal },
  ): Promise<Readable>
  /** The same bytes as `read`, in one Buffer. Whole reads are verified unless `verify` is false. @throws NOT_FOUND, CORRUPT */
  readBuffer(
    id: BlobId,
    size: number,
    options?: { range?: ByteRange; verify?: boolean; signal?: AbortSignal },
  ): Promise<Buffer>
  /** Re-reads and hashes staged content. */
  check(id: BlobId, size: number, options?: { signal?: AbortSignal }): Promise<ContentCheck>
  hold(id: BlobId): Hold
  /** Moves bad content aside, where people can look at it; it no longer counts as staged. */
  quarantine(id: BlobId): Promise<void>
  /**
   * Keeps the bytes of a bad copy of a blob that lie elsewhere, beside bad content, before they are replaced there. Resolves with the name under which they lie once they
   * are durable. @param options `from`: where they lie, a part of the name. @throws DISK_FULL where there is no room for `size` bytes, and what the stream fails with
   */
  keepBad(id: BlobId, bytes: Readable, options: { size: number; from: string; signal?: AbortSignal }): Promise<string>
  /** Evicts one blob: asks `ledger.commitEvict`, then removes the bytes. False where it is held or the ledger refuses. */
  discard(id: BlobId): Promise<boolean>
  /** Removes content that the ledger no longer counts. False where it is held. */
  remove(id: BlobId): Promise<boolean>
  /** Every content file, in no particular order. */
  list(): AsyncIterable<{ id: BlobId; size: number; path: string }>
  /** What was left behind; after `recover` that is bad content only, unless staging was told to leave all of it for whoever looks. */
  leftovers(): AsyncIterable<Leftover>
  removeLeftover(leftover: Leftover): Promise<void>

  /** Callers count each read of a blob that was, or was not, in staging. */
  countHit(): void
  countMiss(): void
  stats(): StagingStats
  /** Drops least recently used content until `bytes` fit, or all that matches. Pinned and held content stays. */
  evict(what: EvictTarget): Promise<{ evicted: number; bytes: number }>
}

/**
 * What to drop: ids that match a pattern (`*`, `?`), the `oldest` entry, as much as is `oversized`, everything, or enough for
 * `{ bytes }` more.
 */
export type EvictTarget = { pattern: string } | "oldest" | "oversized" | "all" | { bytes: number }
