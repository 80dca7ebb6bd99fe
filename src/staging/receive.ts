/**
 * `receive`: chooses the way in by size, and sees to it that a source that is not read to its end is ended.
 *
 * Small content goes in by one synchronous write and the intake log (`receive-bytes.ts`), larger content through a temporary file that is
 * flushed before it is placed (`receive-stream.ts`, `receive-file.ts`).
 */
import { Readable } from "node:stream"
import type { BlobSource } from "../core/blob-source.ts"
import type { HasherFactory } from "../core/checksum.ts"
import { StoredError, throwIfAborted } from "../core/error.ts"
import type { ContentFiles } from "./content-files.ts"
import type { Holds } from "./holds.ts"
import type { IntakeLog } from "./intake-log.ts"
import type { LogRetirement } from "./log-retirement.ts"
import { receiveBytes } from "./receive-bytes.ts"
import { receiveFile } from "./receive-file.ts"
import { receiveStream } from "./receive-stream.ts"
import type { Room } from "./room.ts"
import { checkSize, SourceReader } from "./source-reader.ts"
import type { StagedFile, StageFileTask } from "./stage-file.ts"
import type { Received, ReceiveOptions } from "./staging.ts"
import type { TemporaryFiles } from "./temporary-files.ts"

/** Copies and hashes a file, perhaps on another thread. */
export type StageFile = (task: StageFileTask, options: { signal?: AbortSignal }) => Promise<StagedFile>

export interface ReceiveParts {
  files: ContentFiles
  temporary: TemporaryFiles
  holds: Holds
  room: Room
  log: IntakeLog
  retirement: LogRetirement
  hashers: HasherFactory
  stageFile: StageFile
}

/** Content up to this many bytes takes the short way. */
const SMALL_BYTES = 128 * 1024
const PIECE_BYTES = 512 * 1024

export async function receive(parts: ReceiveParts, source: BlobSource, options: ReceiveOptions): Promise<Received> {
  let reader: SourceReader | null = null
  try {
    throwIfAborted(options.signal)
    const size = source.bytes?.length ?? source.size
    if (size !== undefined) checkSize(size, options.maxBytes)
    if (source.bytes) {
      checkDeclared(source.size, source.bytes.length)
      if (source.bytes.length <= SMALL_BYTES) return await receiveBytes(parts, source.bytes, options)
    } else if (source.path !== undefined && source.size !== undefined && source.size > SMALL_BYTES) {
      return await receiveFile(parts, { path: source.path, size: source.size }, options)
    }
    reader = new SourceReader(source.bytes ? inPieces(source.bytes) : source, options)
    const head = await reader.readUpTo(SMALL_BYTES)
    if (!reader.ended) return await receiveStream(parts, head, reader, options)
    const bytes = head.length === 1 ? head[0]! : Buffer.concat(head)
    return await receiveBytes(parts, bytes, options)
  } finally {
    // A source that can be read once only is a live stream: refused before it was opened, it must still be ended.
    if (source.once && !reader) reader = new SourceReader(source, {})
    reader?.end()
  }
}

/** Large bytes come a piece at a time: hashing all of them at once would hold up the event loop. */
function inPieces(bytes: Uint8Array): BlobSource {
  const starts = Array.from({ length: Math.ceil(bytes.length / PIECE_BYTES) }, (_, index) => index * PIECE_BYTES)
  const pieces = starts.map((start) => bytes.subarray(start, start + PIECE_BYTES))
  return { size: bytes.length, read: () => Readable.from(pieces, { objectMode: false, highWaterMark: PIECE_BYTES }) }
}

/** @throws StoredError SIZE_MISMATCH */
function checkDeclared(declared: number | undefined, actual: number): void {
  if (declared === undefined || declared === actual) return
  throw new StoredError("SIZE_MISMATCH", `The source has ${actual} bytes, but ${declared} were declared.`, {
    details: { declared, actual },
  })
}
