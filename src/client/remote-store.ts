/** What `connect` gives, and what it is told: the face of a store, all of it asynchronous. */
import type { JournalRecord, OutboxRecord } from "../catalog/record.ts"
import type { StoredError } from "../core/error.ts"
import type { StagingStats } from "../staging/staging.ts"
import type { BackendInfo, FailedOptions, StoreFace, StoreStatus } from "../store/store.ts"

export interface ConnectOptions {
  /** sent as `Authorization: Bearer …`, and never shown */
  token?: string
  /** ms until an answer begins, beside what the call itself is to wait, and the longest silence within one; default 30,000 */
  timeout?: number
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
  listBackends(): Promise<string[]>
  getBackend(name: string): Promise<BackendInfo>
  readonly cache: StoreFace["cache"] & { stats(): Promise<StagingStats> }
  journal(options?: { after?: number; limit?: number }): AsyncIterable<JournalRecord>
  failed(options?: FailedOptions): AsyncIterable<OutboxRecord>
  status(): Promise<StoreStatus>
}
