/**
 * The contract of the catalog: the truth (DESIGN §5). It is made of whole transactions and ordered reads.
 *
 * Duties:
 * - Every `commit…` is one transaction: all of it or nothing, facts together with the journal record and the outbox rows they
 *   cause (law 1). It resolves when it is durable. Commits that are under way at the same time share one flush and are
 *   serialised in the order in which they were called.
 * - A refusal (CONFLICT, NOT_FOUND) changes nothing. A storage failure other than "full" is COMMIT_UNKNOWN: the caller stops.
 * - Reads see every commit that has resolved. Iterations are ordered by the UTF-8 bytes of the key, resume by `after`, do not hold a snapshot
 *   across awaits, and do not grow in memory.
 * - Every stored value carries a checksum and a schema version; a bad one is CATALOG_CORRUPT, never a silently wrong answer.
 * - Evictable means: staged, and either some copy is wanted and every wanted one is proven, or no object names the blob and no copy
 *   is wanted any more. A blob that is named but wanted nowhere has its only copy in staging and stays.
 * - A blob that nothing names, nothing wants and that is not staged has no row. Versions of a key go on after its delete.
 */
import type { BlobId } from "../core/blob-id.ts"
import type { ChecksumAlgorithm, Checksums } from "../core/checksum.ts"
import type { SerializedError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import type { CopyCommit, CopyFact, Once, RequestsPage } from "./copy-fact.ts"
import type { OutboxPage } from "./reads.ts"
import type {
  BackendRecord,
  BlobRecord,
  CatalogCounters,
  ConfigurationRecord,
  JournalRecord,
  LocationRecord,
  ObjectRecord,
  OutboxRecord,
  ScanRecord,
} from "./record.ts"
import type { SightingsCommit, SightingsFact } from "./sightings.ts"
import type { TokenCatalog } from "./token-catalog.ts"
import type { ScanFact } from "./transitions/found/scan.ts"
import type { SignedUrlRevocationFact } from "./transitions/signed-urls.ts"
import type { ValidationCatalog } from "./validation.ts"

/** Who asked, for the journal. */
export interface Actor {
  principal?: string
  requestId?: string
  idempotencyKey?: string
}

export interface PutFact extends Actor {
  id: BlobId
  size: number
  checksums: Checksums
  mimeType: string
  key: string
  custom: JsonObject
  attributes?: ObjectRecord["attributes"]
  /** one location each, and none that serves another object (CONFLICT); backends that had the key before and are not named get `want: nothing` */
  copies: { backend: string; key: string }[]
  /** whether side checksums are to be computed: adds a `checksum` job where the blob lacks one of these */
  sideChecksums: ChecksumAlgorithm[]
  /** refuse with CONFLICT unless the key has this version (0: no such key) */
  ifVersion?: number
  /** refuse with CONFLICT where the key exists */
  ifAbsent?: boolean
  /** the key that it is a copy of, for the journal */
  from?: string
  once?: Once
  /** id of the token that it is put by: refuse with QUOTA_EXCEEDED where that leaves no room, with UNAUTHENTICATED where it was revoked */
  token?: string
  /** UTC ms */
  time: number
}

export interface PutCommit {
  object: ObjectRecord
  blob: BlobRecord
  locations: LocationRecord[]
  isNew: boolean
  sequence: number
  /** what the key named right before this commit, null where it named nothing */
  replaced: BlobId | null
  /** nothing was changed: this is what came of the same request before */
  repeated?: true
}

export interface DeleteFact extends Actor {
  key: string
  /** only these copies; absent: the object and all of its copies */
  backends?: string[]
  ifVersion?: number
  /** the copies that stay were not looked at; kept in the journal */
  forced?: boolean
  /** the key that names it from now on, for the journal */
  to?: string
  once?: Once
  time: number
}

export interface DeleteCommit {
  /** what was there, null where nothing was */
  object: ObjectRecord | null
  /** the backends whose copies now go */
  backends: string[]
  sequence: number | null
  repeated?: true
}

/** How a job has proven a copy: when, UTC ms, and by which means. */
export interface Proof {
  at: number
  by: Exclude<NonNullable<LocationRecord["verified"]>["by"], "listing">
}

/** What became of one job (law 2); `generation` fences a sync. */
export type Outcome =
  | {
      kind: "sync"
      backend: string
      key: string
      generation: number
      result:
        | {
            type: "done"
            have: BlobId | null
            verified: Proof
            seen: LocationRecord["seen"]
          }
        | { type: "retry"; dueAt: number; error: SerializedError; countAttempt: boolean }
        | { type: "park"; error: SerializedError }
        /** a job that had lost its slot at its deadline has ended, or can be watched no longer: it may have written at any time until now */
        | { type: "late" }
    }
  | {
      kind: "checksum"
      id: BlobId
      result:
        | { type: "done"; checksums: Checksums }
        | { type: "retry"; dueAt: number; error: SerializedError; countAttempt: boolean }
        | { type: "park"; error: SerializedError }
    }

/**
 * `applied`: the facts changed. `stale`: the generation was old; the location's row has been made due again, so that it is checked.
 * `gone`: there is no such location or blob any more.
 */
export interface OutcomeCommit {
  status: "applied" | "stale" | "gone"
  sequence: number | null
}

export interface Page {
  prefix?: string
  /** only keys after this one */
  after?: string
  limit?: number
}

export interface Catalog {
  /** @throws StoredError DATA_DIRECTORY_UNUSABLE, DATA_DIRECTORY_NEWER, CATALOG_CORRUPT */
  open(): Promise<void>
  /** Waits for what is under way, then frees everything. May be called twice. */
  close(): Promise<void>

  commitPut(fact: PutFact): Promise<PutCommit>
  commitDelete(fact: DeleteFact): Promise<DeleteCommit>
  /** @throws NOT_FOUND; CONFLICT, retryable where the bytes are not staged */
  commitCopy(fact: CopyFact): Promise<CopyCommit>
  /** Forgets what came of requests more than a day ago, of some rows behind `after`; the next `after`, null at the end. */
  commitForgetRequests(page: RequestsPage): Promise<string | null>
  /** One transaction for all of them, one answer each, in order. */
  commitOutcomes(outcomes: Outcome[], time: number): Promise<OutcomeCommit[]>
  /** The blob's bytes are in staging (a remote read was cached, a repair put them back). False: no such blob any more. */
  commitStaged(id: BlobId, time: number): Promise<boolean>
  /** Staged bytes were found bad or missing and are gone from staging: unstaged; proven copies stay. */
  commitCorrupt(id: BlobId, detail: JsonObject, time: number): Promise<void>
  /**
   * A copy was found missing or bad: the location is no longer proven and, unless `repair` is false, due for sync again with a new generation.
   * @throws NOT_FOUND
   */
  commitDrift(fact: {
    backend: string
    key: string
    state: "missing" | "corrupt"
    repair: boolean
    /** of the location when it was seen; where it has moved on since, nothing is changed */
    generation?: number
    /** of bytes that are bad: their name in quarantine, null where they could not be kept; absent: nobody has tried */
    kept?: string | null
    time: number
  }): Promise<void>
  /** What was seen at places of a backend; see `transitions/found/sightings.ts`. Nothing to a backend that is not known. @throws INVALID_KEY */
  commitSightings(fact: SightingsFact): Promise<SightingsCommit>
  /** Starts, pauses, resumes or ends the scan of a backend. @throws NOT_FOUND, CONFLICT where there is none to do that to */
  commitScan(fact: ScanFact): Promise<ScanRecord>
  /** Places of which it is not known what lies there, for somebody to look; none of a backend that is not known. A journal record only where somebody asked for it. @throws INVALID_KEY */
  commitLooks(backend: string, keys: readonly string[], asked?: Actor & { time: number }): Promise<void>
  /** Roughly-kept read times, for eviction; no journal record. */
  commitReads(reads: ReadonlyMap<BlobId, number>): Promise<void>
  /** Re-drives parked rows: due now, new generation, attempts 0. How many. `before`: only those parked before that time. */
  commitRetry(
    filter: { backend?: string; key?: string; before?: number; limit: number; time: number } & Actor,
  ): Promise<number>
  commitBackend(record: BackendRecord, actor: Actor): Promise<void>
  /** Every signed address that was given out before holds no more; the number of those that do from now on. */
  commitSignedUrlRevocation(fact: SignedUrlRevocationFact): Promise<number>
  /** Which place a backend is, as its driver tells; no journal record. False: there is no such backend. */
  commitIdentity(fact: { backend: string; identity: JsonObject }): Promise<boolean>
  /** None of its jobs is to begin until it is resumed, over restarts too. Changes nothing where it is so already; false: there is no such backend. */
  commitPause(fact: { backend: string; paused: boolean; time: number } & Actor): Promise<boolean>
  /** Keeps a configuration, and the backends in it that are new or changed. */
  commitConfiguration(record: ConfigurationRecord, backends: BackendRecord[]): Promise<void>
  /**
   * Forgets a backend's locations and outbox rows, at most `limit` locations a call; `done` once the backend itself is gone. Bytes at the
   * backend stay where they are. `forced` is kept in the journal.
   */
  commitBackendRemoval(
    name: string,
    options: { limit: number; time: number; forced?: boolean } & Actor,
  ): Promise<{ removed: number; done: boolean }>

  /** Whether a request of that name has changed something within the last day. */
  isRepeated(name: string, time: number): boolean
  object(key: string): ObjectRecord | null
  blob(id: BlobId): BlobRecord | null
  location(backend: string, key: string): LocationRecord | null
  /** The id of a blob with that checksum, or null. */
  findByChecksum(algorithm: ChecksumAlgorithm, hex: string): BlobId | null
  objects(page?: Page): Iterable<ObjectRecord>
  /** Keys that name a blob, in order. */
  keysOf(id: BlobId, page?: Page): Iterable<string>
  /** Locations that want a blob, in order of backend and key; `after` is a cursor of [backend, key]. */
  locationsOf(id: BlobId, page?: { after?: [string, string]; limit?: number }): Iterable<LocationRecord>
  /** Locations of one backend in order of their key there. */
  locations(backend: string, page?: Page): Iterable<LocationRecord>
  blobs(page?: { after?: BlobId; limit?: number }): Iterable<BlobRecord>
  backends(): BackendRecord[]
  readonly tokens: TokenCatalog
  readonly validations: ValidationCatalog
  /** The scan of a backend that is under way, or the last one; one that was never scanned is `idle`. */
  scan(backend: string): ScanRecord
  /** Keys of places that are to be looked at, in order. */
  looks(backend: string, page?: { after?: string; limit?: number }): Iterable<string>
  /** The number of signed addresses that hold, from 0. */
  signedUrlEpoch(): number
  /** The configuration that was kept last, null where none was. */
  configuration(): ConfigurationRecord | null

  /** Rows of a queue that are due at `now`, by due time and then sequence. */
  due(queue: string, options: { now: number; limit: number }): OutboxRecord[]
  /** When the queue's first row is due, null where it is empty. */
  nextDue(queue: string): number | null
  queues(): { queue: string; due: number; parked: number; oldest: number | null }[]
  outbox(page: OutboxPage): Iterable<OutboxRecord>
  /** The job that is out for a place, or for a blob's checksums. */
  jobOf(subject: { backend: string; key: string } | { id: BlobId }): OutboxRecord | null
  journal(page: { after: number; limit?: number }): Iterable<JournalRecord>
  lastSequence(): number
  counters(): CatalogCounters

  /** See `EvictionLedger` in `staging/staging.ts`, which this satisfies. */
  evictable(options: {
    limit: number
    after?: string
  }): Promise<{ entries: { id: BlobId; size: number; lastRead: number }[]; cursor: string | null }>
  commitEvict(id: BlobId, options?: { forced?: boolean } & Actor): Promise<boolean>
  usage(): { bytes: number; entries: number; pinnedBytes: number; pinnedEntries: number }

  /** Checks the catalog against itself: record checksums, counts, indexes both ways, the journal's chain. Yields each fault. */
  verify(): AsyncIterable<CatalogFault>
  /**
   * Puts right what `verify` finds where it can be derived with certainty from other rows: indexes, jobs, what is counted. Nobody else may use the
   * catalog meanwhile. How many rows it changed; nothing is done to a catalog without faults.
   */
  mend(time: number): Promise<number>
}

export interface CatalogFault {
  invariant: "I3" | "I4" | "I5" | "I6" | "I11" | "I12" | "I2"
  subject: string
  message: string
}
