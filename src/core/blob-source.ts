/**
 * A body that may be read: a value that opens a fresh stream at every call (the seed's InternalBlob, A34).
 *
 * Sources made from a one-shot stream can be read once only; they say so with `once`, and staging is the only reader of
 * such a source. Everything after staging reads from the staged copy.
 */
import type { Readable } from "node:stream"

export interface ByteRange {
  /** first byte, from 0 */
  start: number
  /** one past the last byte */
  end: number
}

export interface BlobSource {
  /** bytes, where known before reading */
  readonly size?: number
  /** the bytes themselves, where they are in memory already */
  readonly bytes?: Uint8Array
  /** the file they come from, where it is a regular local file: lets threads read it themselves */
  readonly path?: string
  /** true where `read` can be called once only */
  readonly once?: boolean
  /** A fresh stream of the whole content, or of `range`. Errors arrive on the stream. */
  read(range?: ByteRange): Readable
}
