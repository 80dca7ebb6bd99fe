/**
 * The contract of every backend driver (A13). A driver is `class XBackend extends StorageBackend`, one file a driver,
 * listed in `registry.ts`, and joins the suite in `test/contract/backend.suite.ts`.
 *
 * Duties:
 * - Keys arrive checked (`core/key.ts`); a driver never lets one leave its root or prefix all the same.
 * - `put` is atomic for readers: before, during and after a put, `get` gives the whole old or the whole new bytes. When it
 *   resolves, the bytes survive a power cut as far as the backend can promise. On failure or abort it leaves what was
 *   there, and no litter that `list` shows. Putting the same bytes twice is harmless.
 * - `delete` of an absent key succeeds. `stat` of an absent key is null. `get` of an absent key throws NOT_FOUND.
 * - `list` is ordered by the UTF-8 bytes of the key, has no duplicates, shows every entry that was there during the whole
 *   listing, and never holds the listing in memory.
 * - Foreign errors become `StoredError`s here, where they are understood; `retryable` is decided here.
 * - Every wait ends with `signal`; aborted calls throw ABORTED.
 */
import type { Readable } from "node:stream"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import type { ChecksumAlgorithm, Checksums, HasherFactory } from "../core/checksum.ts"
import type { Endpoints } from "../core/endpoints.ts"
import { isStoredError, type StoredError } from "../core/error.ts"
import type { JsonObject } from "../core/json.ts"
import type { SeenState } from "../core/seen-state.ts"

export interface CallOptions {
  signal?: AbortSignal
}

export interface BackendOpenOptions extends CallOptions {
  /** for whoever only looks: nothing is made, written or removed, what is missing is an error, and `put` and `delete` are refused with READ_ONLY */
  readOnly?: boolean
  /** for drivers whose place can be another one under the same settings, as a directory is where its disk is not mounted; absent: nobody keeps which it is */
  place?: ExpectedPlace
}

/**
 * `new`: it is opened for the first time, and what is missing is made. `known`: it is the place of `identity`, or the driver throws BACKEND_UNAVAILABLE before it
 * writes anything; without an `identity` it is at least not empty. `accepted`: a person says that what is there is the place from now on; nothing is made.
 */
export interface ExpectedPlace {
  as: "new" | "known" | "accepted"
  /** that the driver told when it was open before; null: none is kept */
  identity: JsonObject | null
}

export interface BackendPutOptions extends CallOptions {
  /** content type, for backends that keep one */
  mimeType?: string
  /** modification time to give the copy, UTC ms */
  modified?: number
  /** POSIX permission bits to give the copy; ignored where there are none */
  mode?: number
  /** what the bytes are known to hash to, for drivers that have it compared on the way: other bytes are then CHECKSUM_MISMATCH and change nothing */
  checksum?: KnownChecksum
  /**
   * The etag of what is to be replaced, null where nothing should be there: a backend that can bind a write to that refuses it with CONFLICT
   * (retryable) where something else is there by now. Absent, or where the backend cannot: whatever is there is replaced.
   */
  replaces?: string | null
}

export interface KnownChecksum {
  algorithm: ChecksumAlgorithm
  /** lower case */
  hex: string
}

/** What a copy should be. */
export interface KnownContent {
  /** bytes */
  size: number
  checksum: KnownChecksum
}

/** A copy as it was when it was proven. */
export interface ProvenContent extends KnownContent {
  etag: string
}

export interface BackendCopyOptions extends Omit<BackendPutOptions, "checksum"> {
  /** what lies under the first key, as it was proven there */
  proven: ProvenContent
}

export interface BackendPutResult {
  key: string
  /**
   * The etag that `stat` shows of exactly these bytes, computed by the driver from the bytes themselves and never taken from an answer; seen there after
   * the write, it proves the copy. Only where `checksum` was given and was right, and where the backend's etags can be trusted.
   */
  etag?: string
}

/** One of a batch. */
export interface BackendPutEntry extends Omit<BackendPutOptions, "signal"> {
  key: string
  source: BlobSource
}

export interface BackendStat extends SeenState {
  /** several names lead to this file: it has the same etag under each */
  linked?: true
  /** digests that the backend itself has compared with the bytes it holds; `list` may leave them out */
  checksums?: Checksums
}

export interface BackendEntry extends BackendStat {
  key: string
  /** whether `stat` tells `checksums` that the listing leaves out; absent: the listing does not say */
  vouched?: boolean
}

export interface PresignOptions extends CallOptions {
  /** seconds that the address holds; absent: as the backend is set */
  expiresIn?: number
  /** GET: the type to answer with. PUT: the type that must be sent */
  mimeType?: string
  /** PUT: the bytes that must be sent */
  size?: number
  /** GET: a name to save it under */
  fileName?: string
}

export interface PresignedAddress {
  url: string
  /** UTC ms */
  expires: number
  /** what must be sent with it, exactly */
  headers: Record<string, string>
}

export interface BackendListOptions extends CallOptions {
  /** Only keys that start with exactly this text. `a` matches `ab` and `a/b`; `a/` does not match `ab`. */
  prefix?: string
  /** Only keys after this one, in the order of the listing: the cursor of a resumed listing. */
  after?: string
  limit?: number
  /** told of what is passed over; never throws */
  onSkip?(entry: SkippedEntry): void
  /** Whether nobody wants what lies in a folder (`a/b/`): drivers that know folders need not look into it. */
  passesOver?(folder: string): boolean
}

/** Differences between drivers as data that generic code reads. */
export interface BackendCapabilities {
  /** `local` backends lie on this host's file systems */
  readonly local: boolean
  readonly watch: boolean
  readonly range: boolean
  /** algorithms that `checksum` can answer without the bytes passing through StoreD */
  readonly checksums: readonly ChecksumAlgorithm[]
  readonly maxKeyBytes: number
  /** whether the key `a` and the key `a/b` can both exist */
  readonly hierarchicalKeysConflict: boolean
}

export type WatchEventType = "add" | "mod" | "del"
export type WatchListener = (event: { type: WatchEventType; key: string }) => void

export interface WatchOptions {
  signal: AbortSignal
  /** told once where the watch ends by itself, and why: nothing is heard from then on */
  onEnd?(error: StoredError): void
  /** told where so much has happened at once that hints may have been lost; it goes on */
  onMiss?(error: StoredError): void
  /** Whether nobody wants to hear of a key, or, with a slash at its end, of all that lies in a folder: it need not be watched. */
  passesOver?(path: string): boolean
}

/** A reason why something that lies in the backend cannot be shown as an entry. */
export interface SkippedEntry {
  name: string
  reason: "invalid-name" | "not-a-file" | "symlink" | "unreadable"
}

/** What a driver is handed besides its configuration. */
export interface BackendServices {
  hashers: HasherFactory
  /** where on the network it may be; absent: anywhere but at link-local and metadata addresses */
  endpoints?: Endpoints
  /** told of what `list` and `watch` pass over; never throws */
  onSkip?(entry: SkippedEntry): void
  /** `abilities` of an earlier opening with the same settings; absent: they are found out where the driver has any */
  knownAbilities?: JsonObject
}

export abstract class StorageBackend {
  /** the driver's name, e.g. `fs` */
  abstract readonly driver: string
  abstract readonly capabilities: BackendCapabilities
  /**
   * What the server behind it can do, once open: plain facts, to be shown, kept, and handed in again; never a secret. `probed` among them: when it was found out, UTC
   * ms. Absent: there is nothing to find out.
   */
  declare readonly abilities?: JsonObject

  /** Which place it is, once open with a `place`: to be kept, and handed in again. Never a secret. Absent: it can be no other one. */
  declare readonly identity?: JsonObject

  /** Optional: once open, whether a put with `replaces: null` is surely refused where something is, so that nobody need look before. */
  declare readonly refusesOver?: boolean

  /** Optional: once open, whether `stat` may tell `checksums` of what others have written, so that it need not be read. */
  declare readonly vouches?: boolean

  /** Makes ready and proves that the backend can be used. May be called again after a failure. @throws StoredError */
  abstract open(options?: BackendOpenOptions): Promise<void>
  /** Frees what is held; ends watches. May be called twice. */
  abstract close(): Promise<void>

  /** Writes the whole content. A source shorter or longer than its `size` is SIZE_MISMATCH and changes nothing. */
  abstract put(key: string, source: BlobSource, options?: BackendPutOptions): Promise<BackendPutResult>
  /** @throws StoredError NOT_FOUND, INVALID_RANGE (start beyond the end) */
  abstract get(key: string, options?: CallOptions & { range?: ByteRange }): Promise<Readable>
  abstract stat(key: string, options?: CallOptions): Promise<BackendStat | null>
  abstract delete(key: string, options?: CallOptions): Promise<void>
  abstract list(options?: BackendListOptions): AsyncIterable<BackendEntry>

  /**
   * Optional ability: the checksum of what the backend holds now, by its own means, with the size it belongs to. Absent,
   * or an algorithm that is not in `capabilities.checksums`: callers read back and hash. Null: no such key.
   */
  checksum?(
    key: string,
    algorithm: ChecksumAlgorithm,
    options?: CallOptions,
  ): Promise<{ size: number; hex: string } | null>

  /**
   * Optional ability: whether the key holds these very bytes now, without reading them back: by what the backend vouches for, or by comparing with
   * `source`, which is opened only where it is needed. `unknown`: that proves nothing, one way or the other; callers read back and hash.
   */
  recognise?(
    key: string,
    content: KnownContent,
    source: () => Promise<BlobSource>,
    options?: CallOptions,
  ): Promise<"same" | "other" | "unknown">

  /**
   * Optional ability: a put of what lies under another key of this backend; its bytes do not pass through here. As atomic as `put`, and its answer means the
   * same. Copied is only what is seen to be as it was proven. Callers do without it where it fails, for whatever reason.
   * @throws StoredError NOT_FOUND; CONFLICT where something else lies there; BACKEND_REFUSED where this cannot be copied, or could not be proven afterwards
   */
  copy?(from: string, to: string, options: BackendCopyOptions): Promise<BackendPutResult>

  /** Optional ability: an address with which somebody without credentials reads or writes this one object for a while. */
  presign?(method: "GET" | "PUT", key: string, options?: PresignOptions): Promise<PresignedAddress>

  /**
   * Optional ability: where a key lies on this host's file systems. Who opens it compares what was opened with `stat`: a link may have been put in its way.
   * @throws StoredError INVALID_KEY, BACKEND_REFUSED, CLOSED
   */
  pathOf?(key: string): string

  /** Optional ability: whether nothing there can change without another etag, whatever it is called: the same `file` and etag under another key is the same content. */
  keepsChangeTimes?(key: string): Promise<boolean>

  /** Optional ability: hints of changes from outside, until `signal` fires. Resolves once watching. @throws StoredError why it cannot */
  watch?(listener: WatchListener, options: WatchOptions): Promise<void>

  /** Optional ability: finds out anew what the server can do, while it is in use; `abilities` tells it then. Where that fails they stay as they were. @throws StoredError why it fails */
  probe?(options?: CallOptions): Promise<void>

  /** Whether the backend can be used now. @throws StoredError why it cannot */
  async healthCheck(options?: CallOptions): Promise<void> {
    for await (const _ of this.list({ ...options, limit: 1 })) return
  }

  // Batches (R30), built on the single calls: a driver whose backend has a call for many overrides them. None is a transaction: what throws leaves
  // done what came before it, and doing the same batch again is harmless.

  /** Puts several, in order; ends with the first that fails. */
  async putMany(entries: readonly BackendPutEntry[], options?: CallOptions): Promise<void> {
    for (const { key, source, ...given } of entries) await this.put(key, source, { ...given, ...options })
  }

  /** The content of several keys, in order, null where there is none. Each stream ends, at the latest, when the next one is asked for. */
  async *getMany(
    keys: readonly string[],
    options?: CallOptions,
  ): AsyncGenerator<{ key: string; stream: Readable | null }> {
    for (const key of keys) {
      const stream = await this.get(key, options).catch((error: unknown) => {
        if (isStoredError(error) && error.code === "NOT_FOUND") return null
        throw error
      })
      try {
        yield { key, stream }
      } finally {
        stream?.destroy()
      }
    }
  }

  /** Deletes several keys. */
  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    for (const key of keys) await this.delete(key, options)
  }
}
