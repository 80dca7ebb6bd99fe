/**
 * The face of StoreD: what a library user holds, what the HTTP API serves, and what the remote client offers too.
 * Every verb throws a `StoredError` with a code; nothing else.
 */
import type { Readable } from "node:stream"
import type { JobPayload, JournalRecord, OutboxRecord } from "../catalog/record.ts"
import type { BlobId } from "../core/blob-id.ts"
import type { ByteRange } from "../core/blob-source.ts"
import type { Checksums } from "../core/checksum.ts"
import type { StoreEvent, StoreEventListener, StoreEventName } from "../core/event.ts"
import type { JsonObject } from "../core/json.ts"
import type { Metadata, PutResult } from "../core/metadata.ts"
import type { EvictTarget, StagingStats } from "../staging/staging.ts"
import type { ArchiveFace } from "./archive/archive-face.ts"
import type { BackendFace, BackendInfo } from "./backend-face.ts"
import type { CopyFace } from "./copy-face.ts"
import type { RequestKey } from "./running-requests.ts"
import type { Notification } from "./scan/notify.ts"
import type { ScanFace, ScanStatus } from "./scan-face.ts"
import type { SignedDoor, SignedFace } from "./signed/signed-face.ts"
import type { StoreStatus } from "./status-face.ts"
import type { TokensControl, TokensFace } from "./tokens/tokens-face.ts"
import type { ValidateFace, ValidateStatus } from "./validate-face.ts"
import type { WhyFace } from "./why-face.ts"

export type { ArchiveOptions, OpenedArchive } from "./archive/archive-face.ts"
export type { ArchiveFormat } from "./archive/archive-format.ts"
export type {
  BackendFace,
  BackendInfo,
  BackendScan,
  BackendWatch,
  PauseBackendOptions,
  RemoveBackendOptions,
  SetBackendOptions,
  TestBackendOptions,
} from "./backend-face.ts"
export type {
  CopiedEntry,
  CopyFace,
  CopyManyOptions,
  CopyOptions,
  CopyPair,
  DeletedEntry,
  DeleteManyOptions,
} from "./copy-face.ts"
export type { DriftEntry, DriftKind, DriftOptions, ScanFace, ScanOptions, ScanStatus, ScanWait } from "./scan-face.ts"
export type { SignedDoor, SignedFace, SignedGrant, SignedUrl, SignedUrlOptions } from "./signed/signed-face.ts"
export type { StoreStatus, WorkerStatus } from "./status-face.ts"
export type * from "./tokens/tokens-face.ts"
export type * from "./validate-face.ts"
export type * from "./why-face.ts"

/**
 * What `put` takes: bytes (`Buffer`, `Uint8Array`, `ArrayBuffer`), a `Blob` or `File`, a Node `Readable`, a web `ReadableStream`, any async
 * iterable of bytes, a path, or a `file:` URL. A string is always a path; to put text use `Buffer.from(text)`.
 */
export type PutInput =
  | string
  | URL
  | Uint8Array
  | ArrayBuffer
  | Blob
  | Readable
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>

/**
 * When `put` answers. `staged` (default): the bytes and the record survive a power cut of this host. `os`: they survive a crash of the process.
 * `copies:N` and `all`: moreover N, or all, of the backends are proven to hold them.
 */
export type Durability = "os" | "staged" | "all" | `copies:${number}`

export interface PutOptions {
  /** the object's name; absent: `blobs/<algorithm>/<h2>/<h2>/<hash>` */
  key?: string
  /** where copies should be; absent: `defaultBackends` */
  backends?: string[]
  /** custom JSON, at most 64 KiB */
  metadata?: JsonObject
  mimeType?: string
  /** bytes that the source must have; another length is SIZE_MISMATCH */
  size?: number
  /** checksums that the content must have, hex by algorithm; another one is CHECKSUM_MISMATCH */
  checksums?: Checksums
  durability?: Durability
  /** ms to wait for the copies that `durability` asks for, before answering `satisfied: false`; absent: as configured, 30 s */
  waitMs?: number
  /** refuse with CONFLICT unless the object has this version (0: it does not exist) */
  ifVersion?: number
  /** refuse with CONFLICT where the key exists */
  ifAbsent?: boolean
  /** told when all is staged; what it throws refuses the put */
  beforeCommit?(): void
  /** told the bytes of the source that were read so far; a large file is then read as a stream, which is slower than by path */
  onProgress?(bytes: number): void
  /** An abort is ABORTED; one that only ended the wait for copies has `details.committed`, for then the put stands */
  signal?: AbortSignal
  principal?: string
  requestId?: string
  /** The request has an effect once: sent again within a day it is answered alike, and another one with the same key is refused with KEY_REUSED. */
  idempotencyKey?: string
  /** told where it was done before, and nothing was changed */
  onRepeat?(): void
  /** id of the token that it is put by: its quota is QUOTA_EXCEEDED where that leaves no room */
  token?: string
}

export interface GetOptions {
  /** a `Readable` instead of a `Buffer` */
  stream?: boolean
  /** where staging does not have the bytes: only these copies, in this order; `backend: "x"` is `backends: ["x"]` (R1) */
  backend?: string
  backends?: string[]
  /** where the asked or first copy fails: `true` tries the other copies, a list tries those */
  fallback?: boolean | string[]
  /** bytes `start` to `end` (exclusive); `end` may be absent or beyond the size */
  range?: { start: number; end?: number }
  /** false skips hashing of whole reads from staging; default true */
  verify?: boolean
  signal?: AbortSignal
}

/** An open read: what is served and from where. */
export interface OpenedBlob {
  metadata: Metadata
  /** the bytes that the stream gives */
  range: ByteRange
  /** `staging` or the name of a backend */
  servedFrom: string
  stream: Readable
}

export interface DeleteOptions {
  /** only these copies; the object stays. Refused with LAST_COPY where fewer than `minCopies` others are seen. Absent: the object and all copies. */
  backends?: string[]
  ifVersion?: number
  /** with `backends`: without a look at the others; where there are none, delete the object. The journal keeps that it was forced. */
  force?: boolean
  /** ms to wait for the copies to be proven gone before answering with what is still pending; default 1,000 */
  wait?: number
  /** as of a put; only for an object that is named by its key */
  idempotencyKey?: string
  onRepeat?(): void
  signal?: AbortSignal
  principal?: string
  requestId?: string
}

export interface DeleteResult {
  id: BlobId | null
  /** backends whose copy is proven gone already */
  deleted: string[]
  /** the same as `deleted`, by the seed's other name (R2) */
  removed: string[]
  /** backends whose copy goes in the background */
  pending: string[]
  failed: string[]
}

export interface ListOptions {
  /** only objects that should have a copy there */
  backend?: string
  prefix?: string
  limit?: number
  /** only keys after this one: the cursor of an earlier listing */
  after?: string
  signal?: AbortSignal
}

export interface ListedObject {
  key: string
  checksum: BlobId
  size: number
  mimeType: string
  version: number
  created: number
  modified: number
}

export interface SyncedOptions {
  /** only these; absent: all that should have a copy */
  backends?: string[]
  /** enough when so many are proven; absent: all of them */
  copies?: number
  signal?: AbortSignal
}

/** What a member gives that is at hand in this process, but must be asked for over the wire. `await` takes both. */
type Awaitable<Value> = Value | Promise<Value>
/** Likewise for what is read one by one: `for await` takes both. */
type Series<Item> = Iterable<Item> | AsyncIterable<Item>

interface CacheFace {
  stats(): Awaitable<StagingStats>
  /**
   * Drops staged content: ids that match a pattern (`*`, `?`), the `oldest` entry, or what is `oversized`. Never drops pinned content (A15), nor
   * what fewer than `minCopies` backends are seen holding now.
   */
  evict(
    what: EvictTarget | string,
    actor?: { principal?: string; requestId?: string },
  ): Promise<{ evicted: number; bytes: number }>
  /**
   * Drops all that `evict` may drop (A16). `force` leaves out the look at the copies, which the journal keeps; it is refused with LAST_COPY
   * while anything is pinned.
   */
  clear(options?: {
    force?: boolean
    principal?: string
    requestId?: string
  }): Promise<{ evicted: number; bytes: number }>
}

/**
 * What a store in this process and one behind HTTP have in common (decision 0006). Code that is written against it, with `await` and `for await`,
 * runs over both: `createStore` gives a `Store`, `connect` a `RemoteStore`.
 */
export interface StoreFace extends BackendFace, CopyFace, ScanFace, ValidateFace, ArchiveFace, SignedFace, WhyFace {
  put(input: PutInput, options?: PutOptions): Promise<PutResult>
  /** @throws NOT_FOUND, COPY_UNAVAILABLE, CORRUPT, INVALID_RANGE */
  get(idOrKey: string, options: GetOptions & { stream: true }): Promise<Readable>
  get(idOrKey: string, options?: GetOptions & { stream?: false }): Promise<Buffer>
  /** Like `get` as a stream, with what is served. */
  open(idOrKey: string, options?: Omit<GetOptions, "stream">): Promise<OpenedBlob>
  delete(idOrKey: string, options?: DeleteOptions): Promise<DeleteResult>
  list(options?: ListOptions): AsyncIterable<ListedObject>
  stat(idOrKey: string): Promise<Metadata | null>
  has(idOrKey: string): Promise<boolean>
  /** Resolves with the metadata once the copies are proven. @throws NOT_FOUND, the error of a copy that is parked, ABORTED */
  synced(idOrKey: string, options?: SyncedOptions): Promise<Metadata>

  listBackends(): Awaitable<string[]>
  /** @throws UNKNOWN_BACKEND */
  getBackend(name: string): Awaitable<BackendInfo>

  readonly cache: CacheFace

  /** Who else may use the store, by HTTP: bearer tokens. */
  readonly tokens: TokensFace

  /** Calls the listener for each event of the store, after its fact is durable. Returns a function that ends it. */
  on<Name extends StoreEventName>(name: Name, listener: StoreEventListener<Name>): () => void
  off<Name extends StoreEventName>(name: Name, listener: StoreEventListener<Name>): void
  /** Every committed event after a journal sequence, first the past ones, then live, until `signal` fires or the store closes. */
  events(options?: { after?: number; signal?: AbortSignal }): AsyncIterable<StoreEvent>
  journal(options?: { after?: number; limit?: number }): Series<JournalRecord>

  /** Jobs that were given up after their last attempt, in the order of their sequences; `after`: only those behind this one. */
  failed(options?: FailedOptions): Series<OutboxRecord>
  /** Puts parked jobs back to work. How many. */
  retry(options?: { backend?: string; key?: string; principal?: string; requestId?: string }): Promise<number>
  status(): Awaitable<StoreStatus>
  /** Resolves when no job is due or running; parked ones and ones waiting for a later try do not count. */
  idle(options?: { signal?: AbortSignal }): Promise<void>
  /** Stops taking work, waits for what runs (at most `deadline` ms, default 10,000), frees everything. May be called twice. */
  close(options?: { deadline?: number }): Promise<void>
}

export interface FailedOptions {
  backend?: string
  /** a job's sequence, from an earlier page */
  after?: number
  limit?: number
}

export interface CacheControl extends CacheFace {
  stats(): StagingStats
}

/** A store in this process: what it knows by itself it answers at once. */
export interface Store extends StoreFace, SignedDoor {
  /** Whether the request with that idempotency key has been done within the last day: then its conditions are no matter any more. */
  isRepeated(operation: "put" | "delete" | "copy" | "move", request: RequestKey): boolean
  listBackends(): string[]
  /** @throws UNKNOWN_BACKEND */
  getBackend(name: string): BackendInfo
  /** @throws UNKNOWN_BACKEND */
  scanStatus(backend: string): ScanStatus
  /** @throws UNKNOWN_BACKEND */
  validateStatus(backend: string): ValidateStatus
  /**
   * Takes a notification of a backend's own server, which bears the secret of its setting `scan.secret`: S3 event JSON, plain, by SNS or by EventBridge. How many places
   * are looked at. @throws PERMISSION_DENIED, where there is no such backend too; INVALID_INPUT, SECRET_UNAVAILABLE
   */
  notify(backend: string, notification: Notification): Promise<number>
  readonly cache: CacheControl
  readonly tokens: TokensControl
  /** A key within these folders and keys that names what a reference names, null where none does: for whoever may touch only these. @throws INVALID_KEY */
  namedWithin(reference: string, prefixes: readonly string[]): string | null
  /** The key of the object that a job serves, null where there is none, or none within these prefixes. */
  keyOfJob(payload: JobPayload, prefixes: readonly string[]): string | null
  journal(options?: { after?: number; limit?: number }): Iterable<JournalRecord>
  failed(options?: FailedOptions): Iterable<OutboxRecord>
  status(): StoreStatus
}
