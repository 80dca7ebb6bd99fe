/** What `connect` gives, and what it is told: the face of a store, all of it asynchronous. */
import type { JournalRecord, OutboxRecord } from "../catalog/record.ts"
import type { StoredError } from "../core/error.ts"
import type { StagingStats } from "../staging/staging.ts"
import type {
  BackendInfo,
  FailedOptions,
  ScanStatus,
  StoreFace,
  StoreStatus,
  TokenInfo,
  ValidateStatus,
} from "../store/store.ts"
import type { EnqueueOptions, EnqueueSource } from "./enqueue.ts"
import type { EnqueuedPut } from "./enqueue-handle.ts"
import type { RedisOptions } from "./enqueue-queue.ts"

export interface ConnectOptions {
  /** where puts are queued for workers; needed by `enqueue` and `enqueued` only */
  redis?: RedisOptions
  /** sent as `Authorization: Bearer …`, and never shown */
  token?: string
  /** ms until an answer begins, beside what the call itself is to wait, and the longest silence within one; default 30,000 */
  timeout?: number
  /** asked at each request for the W3C traceparent of what it is part of, null for nothing; absent: none is sent */
  traceparent?(): string | null
  /**
   * Told of each connection of `on` and `events` that breaks, which is mended by itself (`retryable`), of a stream of `on` that cannot be had, and
   * of what listeners throw. Absent: the latter two are warnings of the process.
   */
  onError?(error: StoredError): void
}

/**
 * A store behind HTTP. `close` closes this client, not the server. `principal` and `requestId` of options are the server's to say, and how far
 * an aborted put came is not known here.
 */
export interface RemoteStore extends StoreFace {
  /**
   * Queues a put by reference, and resolves once the queue holds it: a path under a root that the ingest workers are allowed (a text), an `https:` URL of
   * their list (a `URL`), or at most 64 KiB of bytes, which travel in the queue. A passing fault is tried again, five times in all; then, or at a
   * final error, `finished` of the handle rejects with it. It ends within 5 s, whatever Redis does.
   *
   * The same id is the same put. It is done once, as far as users see: where a worker dies after the server has committed, the next one finds that
   * put in the journal by its key and its bytes, and the version does not grow again. Two things are out of sight: a source whose bytes changed between
   * the two tries is put again, and of two queued puts that give a key the same bytes and metadata at the same time one may stand for both.
   * @throws StoredError INVALID_CONFIG (connected without `redis`), INVALID_INPUT, TOO_LARGE, CONFLICT (the id is that of another put);
   * BACKEND_UNAVAILABLE, TIMEOUT (retryable: repeat it with `details.id`, for it may be queued)
   */
  enqueue(source: EnqueueSource, options?: EnqueueOptions): Promise<EnqueuedPut>
  /** A queued put by its id, in any process. @throws StoredError INVALID_INPUT */
  enqueued(id: string): EnqueuedPut
  listBackends(): Promise<string[]>
  getBackend(name: string): Promise<BackendInfo>
  scanStatus(name: string): Promise<ScanStatus>
  validateStatus(name: string): Promise<ValidateStatus>
  readonly cache: StoreFace["cache"] & { stats(): Promise<StagingStats> }
  readonly tokens: StoreFace["tokens"] & { list(): Promise<TokenInfo[]>; get(id: string): Promise<TokenInfo> }
  journal(options?: { after?: number; limit?: number }): AsyncIterable<JournalRecord>
  failed(options?: FailedOptions): AsyncIterable<OutboxRecord>
  status(): Promise<StoreStatus>
}
