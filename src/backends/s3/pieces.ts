/** What is sent is read once, in pieces of exactly the size that is asked for. */
import type { BlobSource } from "../../core/blob-source.ts"
import { FilePieces } from "./file-pieces.ts"
import { PieceReader } from "./piece-reader.ts"

export interface Pieces {
  /**
   * The next `size` bytes; fewer only at the end.
   * @param memory where to put so many bytes; not asked for bytes that are in memory already
   * @throws StoredError SOURCE_FAILED, SIZE_MISMATCH, ABORTED
   */
  read(size: number, memory: (bytes: number) => Buffer): Promise<Uint8Array>
  /** Whether the source has no more. @throws StoredError SIZE_MISMATCH where it has not the size that it declared */
  isAtEnd(): Promise<boolean>
  /** Ends the source wherever it is. */
  close(): Promise<void>
}

/** @param seen told of all bytes in their order, so that what is hashed is what is sent */
export async function openPieces(
  source: BlobSource,
  signal: AbortSignal | undefined,
  seen: (bytes: Uint8Array) => void,
): Promise<Pieces> {
  const { path, size, bytes } = source
  const file =
    path !== undefined && size !== undefined && !bytes ? await FilePieces.open(path, size, signal, seen) : null
  return file ?? new PieceReader(source, signal, seen)
}
