/** The rows of the catalog (DESIGN §5): what is kept, in which words. Encoding and keys are each implementation's own. */
import type { Scope } from "../core/access.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { Checksums } from "../core/checksum.ts"
import type { SerializedError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import type { LocationState, ObjectState } from "../core/metadata.ts"
import type { Sealed } from "../core/seal.ts"
import type { SeenState } from "../core/seen-state.ts"
import type { Quota, RequestRate } from "../core/token-settings.ts"

export interface BlobRecord {
  id: BlobId
  /** bytes */
  size: number
  checksums: Checksums
  mimeType: string
  /** UTC ms */
  created: number
  /** UTC ms, bumped whenever anything about the blob or its copies changed */
  modified: number
  /** whether the bytes are in local staging */
  staged: boolean
  /** UTC ms, for eviction; kept roughly */
  lastRead: number
  /** objects that name it */
  references: number
  /** locations that want it */
  wanted: number
  /** of these, how many are proven */
  synced: number
  checksumState: "primary" | "complete"
}

export interface ObjectRecord {
  key: string
  id: BlobId
  /** grows by one with every commit to this key; starts at 1, and goes on after a delete */
  version: number
  size: number
  mimeType: string
  custom: JsonObject
  state: ObjectState
  created: number
  modified: number
  /** what the source file had, given to copies on backends that keep it: modification time in UTC ms, permission bits */
  attributes?: { modified?: number; mode?: number }
  /** where copies of it should be */
  copies: { backend: string; key: string }[]
}

export interface LocationRecord {
  backend: string
  /** key inside the backend */
  key: string
  /** the object that this copy serves */
  objectKey: string
  /** the blob that should be there, null where nothing should */
  want: BlobId | null
  /** what was last seen there, null where nothing or not known */
  have: BlobId | null
  /** grows with every change of `want` and every re-drive; outcomes of older generations change nothing */
  generation: number
  state: LocationState
  attempts: number
  error: SerializedError | null
  /** how the copy was proven last, UTC ms and means; null before the first proof */
  verified: { at: number; by: "checksum" | "read-back" | "etag" | "absence" | "listing" } | null
  /** the state of what lies there as it was at that proof: lets watch and scan tell what is as it was */
  seen: SeenState | null
  /** what lies there was found there and not written by us: it follows the backend, unless that is told otherwise */
  found?: true
  created: number
  modified: number
}

/** A sync job says only: make this location true (law 3). */
export interface SyncPayload {
  kind: "sync"
  backend: string
  key: string
  generation: number
}

/** Compute these side checksums of a staged blob. */
export interface ChecksumPayload {
  kind: "checksum"
  id: BlobId
}

export type JobPayload = SyncPayload | ChecksumPayload

export interface OutboxRecord {
  sequence: number
  /** `sync-<backend>` or `checksum` */
  queue: string
  /** parked rows are never due by themselves; somebody, or the slow re-drive, retries them */
  status: "due" | "parked"
  /** UTC ms */
  dueAt: number
  payload: JobPayload
  attempts: number
  created: number
  modified: number
  error: SerializedError | null
}

export type JournalCommand =
  | "put"
  | "delete"
  | "sync"
  | "sync-failed"
  | "checksums"
  | "stage"
  | "evict"
  | "corrupt"
  | "drift"
  | "retry"
  | "repair"
  | "backend-add"
  | "backend-change"
  | "backend-remove"
  | "backend-pause"
  | "backend-resume"
  | "scan"
  | "validate"
  | "quarantine"
  | "look"
  | "found"
  | "changed"
  | "moved"
  | "token-create"
  | "token-rotate"
  | "token-revoke"
  | "signed-urls-revoke"

/** One committed fact. Append-only, gap-free from 1, each record chained to the one before by hash. */
export interface JournalRecord {
  sequence: number
  /** UTC ms */
  time: number
  command: JournalCommand
  /** object key, where one is concerned */
  key: string | null
  id: BlobId | null
  backend: string | null
  /** who asked; null for the system itself */
  principal: string | null
  requestId: string | null
  idempotencyKey: string | null
  /** command-specific plain facts; for a put: version, size, isNew; for sync-failed: error; … */
  detail: JsonObject
  /** hex hash over the previous record's chain and this record */
  chain: string
}

/** Counts kept in the same transactions as the rows they count, so that a truncated table is noticed. */
export interface CatalogCounters {
  objects: number
  blobs: number
  locations: number
  outbox: number
  parked: number
  journal: number
  /** sum of blob sizes */
  bytes: number
  stagedEntries: number
  stagedBytes: number
  /** staged content that may not go yet */
  pinnedEntries: number
  pinnedBytes: number
  /** places that are still to be looked at */
  looks: number
  /** work done since the data directory was made */
  syncsCompleted: number
  syncsFailed: number
}

/** `idle`: it was never scanned */
export type ScanState = "idle" | "running" | "paused" | "cancelled" | "failed" | "done"

/** How far the scan of a backend has come (DESIGN §4), or how the last one ended. */
export interface ScanRecord {
  backend: string
  /** grows with each scan of this backend */
  number: number
  state: ScanState
  /** whether content that is not known is read */
  hash: boolean
  /** only what the catalog knows is compared, and nothing is taken in; absent: it is */
  audit?: true
  /** the last key that was listed and committed; null before the first */
  cursor: string | null
  /** UTC ms */
  started: number
  /** UTC ms, of its last step */
  modified: number
  /** entries that were listed, and their bytes */
  files: number
  bytes: number
  /** entries that were not there before, that have changed, gone, moved, and that could not be taken in */
  added: number
  changed: number
  missing: number
  moved: number
  skipped: number
  /** how often entries were passed over, by reason */
  reasons: Record<string, number>
  /** places that are still to be looked at, and the bytes that lie there as far as is known */
  looks: number
  lookBytes: number
  /** places that were looked at since it began */
  read: number
  /** what the last one listed that came to its end; null before */
  expected: { files: number; bytes: number } | null
  /** of one that is paused: all is listed, and what is left is to be read */
  listed?: boolean
  error: SerializedError | null
  /**
   * UTC ms of the beginning of the last scan that has listed everything and of which nothing is left to be read: what the catalog says was true then, but for what
   * `reasons` tell; null before the first
   */
  knownAsOf: number | null
}

export interface BackendRecord {
  name: string
  driver: string
  /** as given, with `***` for each secret; relative paths are relative to the data directory */
  config: JsonObject
  created: number
  /** its secrets by the setting's name, sealed under a master key; absent: it has none */
  secrets?: Record<string, Sealed>
  /** what the driver found out about what it talks to, for when it is opened again */
  abilities?: JsonObject
  /** which place it is, as the driver told when it was open last, so that another one is known for that; absent: not told */
  identity?: JsonObject
  /** UTC ms since when none of its jobs begins; absent: they do */
  paused?: number
}

/** The explicit configuration with which the data directory was opened last, for whoever opens it without one. */
export interface ConfigurationRecord {
  /** everything but `data` and the backends' own settings, which are backend records; relative paths are relative to the data directory */
  settings: JsonObject
  /** backends that it names */
  named: string[]
  /** backends that an earlier one named and that still hold something: in use, but no put goes there by default */
  left: string[]
}

/** A bearer token (decision 0016). Its row stays when it is revoked: a store that ever had one asks for one. */
export interface TokenRecord {
  id: string
  name: string
  scopes: Scope[]
  /** folders that end in a slash, and keys; null: every key */
  prefixes: string[] | null
  /** null: every backend */
  backends: string[] | null
  /** hex SHA-256 of its secret, and of the one before it with the time in UTC ms until which that is good */
  digest: string
  former: { digest: string; until: number } | null
  rate: RequestRate | null
  quota: Quota | null
  /** UTC ms */
  created: number
  expires: number | null
  revoked: number | null
  /** kept roughly */
  lastUsed: number | null
}

/** What lies in a namespace: objects, whoever put them, and the sum of their sizes. */
export interface Usage {
  bytes: number
  objects: number
}
