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

export type DeleteManyOptions = Pick<DeleteOptions, "signal" | "principal" | "requestId">

/** What became of one of many: the error says why it is still there. */
export type DeletedEntry = { key: string; id: BlobId } | { key: string; error: SerializedError }

export interface CopyFace {
  /** Deletes objects by their keys, at most 1,000 in a call, each by itself: what became of each, in their order. @throws INVALID_INPUT */
  deleteMany(keys: readonly string[], options?: DeleteManyOptions): Promise<DeletedEntry[]>
  /**
   * Gives an object another key too: the same bytes, type and metadata unless told otherwise, on the same backends unless told otherwise. What lay
   * under that key is replaced. @throws NOT_FOUND, CONFLICT, KEY_REUSED; where its bytes must be read first, why they cannot
   */
  copy(from: string, to: string, options?: CopyOptions): Promise<PutResult>
  /** Gives an object another key instead, in one transaction. @throws as `copy` */
  move(from: string, to: string, options?: CopyOptions): Promise<PutResult>
}
