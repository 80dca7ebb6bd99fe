/** The verbs by which objects get other keys, or go many at a time. */
import type { BlobId } from "../core/blob-id.ts"
import type { SerializedError } from "../core/error.ts"
import type { PutResult } from "../core/metadata.ts"
import type { DeleteOptions, PutOptions } from "./store.ts"

export interface CopyOptions
  extends Pick<
    PutOptions,
    | "backends"
    | "metadata"
    | "mimeType"
    | "ifVersion"
    | "ifAbsent"
    | "idempotencyKey"
    | "onRepeat"
    | "token"
    | "principal"
    | "requestId"
    | "signal"
  > {
  /** refuse with CONFLICT unless the object that is copied has this version */
  ifFromVersion?: number
}

export interface DeleteManyOptions
  extends Pick<DeleteOptions, "idempotencyKey" | "onRepeat" | "signal" | "principal" | "requestId"> {
  /** asked before each; what it throws is what became of that one. Not over HTTP */
  beforeEach?(key: string): void | Promise<void>
}

/** One of many copies, with what is to be different. */
export interface CopyPair
  extends Pick<CopyOptions, "backends" | "metadata" | "mimeType" | "ifVersion" | "ifAbsent" | "ifFromVersion"> {
  from: string
  to: string
}

export interface CopyManyOptions
  extends Pick<CopyOptions, "idempotencyKey" | "token" | "principal" | "requestId" | "signal"> {
  /** asked before each, and gives the pair as it is to be done; what it throws is what became of that one. Not over HTTP */
  beforeEach?(pair: CopyPair): CopyPair | Promise<CopyPair>
}

/** What became of one of many: the error says why nothing is under the new key. */
export type CopiedEntry =
  | { from: string; to: string; id: BlobId; size: number; version: number; isNew: boolean }
  | { from: string; to: string; error: SerializedError }

/** What became of one of many: the error says why it is still there. */
export type DeletedEntry = { key: string; id: BlobId } | { key: string; error: SerializedError }

export interface CopyFace {
  /**
   * Deletes objects by their keys, at most 1,000 in a call, each by itself: what became of each, in their order. With an idempotency key the same list sent
   * again answers for what was deleted as before, and tries the rest again. @throws INVALID_INPUT, KEY_REUSED
   */
  deleteMany(keys: readonly string[], options?: DeleteManyOptions): Promise<DeletedEntry[]>
  /**
   * Gives an object another key too: the same bytes, type and metadata unless told otherwise, on the same backends unless told otherwise. What lay
   * under that key is replaced. @throws NOT_FOUND, CONFLICT, KEY_REUSED; where its bytes must be read first, why they cannot
   */
  copy(from: string, to: string, options?: CopyOptions): Promise<PutResult>
  /** Gives an object another key instead, in one transaction. @throws as `copy` */
  move(from: string, to: string, options?: CopyOptions): Promise<PutResult>
  /** `copy` of at most 1,000 pairs, each by itself: what became of each, in their order, as it is done. Idempotency keys as of `deleteMany`. @throws INVALID_INPUT, KEY_REUSED */
  copyMany(pairs: readonly CopyPair[], options?: CopyManyOptions): AsyncIterable<CopiedEntry>
  /** `move` of at most 1,000 pairs, likewise. */
  moveMany(pairs: readonly CopyPair[], options?: CopyManyOptions): AsyncIterable<CopiedEntry>
}
