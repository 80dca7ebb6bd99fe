/**
 * Reading staged content: as a stream, in one buffer, or only to look whether it is good. Whoever reads gets bytes that hash to the id, or an error;
 * ranges and `verify: false` are taken as they lie there.
 */
import { closeSync, fstatSync } from "node:fs"
import { Readable } from "node:stream"
import { type BlobId, splitBlobId } from "../core/blob-id.ts"
import type { BlobSource, ByteRange } from "../core/blob-source.ts"
import type { Hasher, HasherFactory } from "../core/checksum.ts"
import { ConsistencyError, NotFoundError, type StoredError, throwIfAborted } from "../core/error.ts"
import { isUnreadable } from "../core/unreadable.ts"
import { type ContentCheckOnTheWay, ContentStream } from "./content-stream.ts"
import type { ContentCheck } from "./staging.ts"
import { open, readFully } from "./system-calls.ts"
import { storageError, systemCode } from "./system-error.ts"

export interface ReadOptions {
  range?: ByteRange
  verify?: boolean
  signal?: AbortSignal
}

/** One blob's content file, to be read. */
export interface Content {
  id: BlobId
  /** bytes it must have */
  size: number
  path: string
  hashers: HasherFactory
}

/** Content up to this size is read and verified in one go. */
const SMALL = 2 ** 20
const PIECE = 4 * 2 ** 20
const LANES = 4

/** See `Staging.read`. */
export async function readStream(content: Content, options: ReadOptions): Promise<Readable> {
  const { signal } = options
  throwIfAborted(signal)
  const range = options.range ?? { start: 0, end: content.size }
  if (range.end - range.start <= SMALL && (!options.range || !options.verify)) {
    return readyStream(await readBuffer(content, options))
  }
  if (options.range && options.verify) await verifyWhole(content, signal)
  const fd = await openContent(content)
  return new ContentStream({
    open: async () => fd,
    range,
    failed: (error) => readError(content, error),
    ...(!options.range && options.verify !== false && { check: checkOnTheWay(content) }),
    ...(signal && { signal }),
  })
}

/** Gives all of it at the first `read()`: whoever wants bytes need not wait for them. */
function readyStream(bytes: Buffer): Readable {
  return new Readable({
    read() {
      if (bytes.length > 0) this.push(bytes)
      this.push(null)
    },
  })
}

/** See `Staging.readBuffer`. */
export async function readBuffer(content: Content, options: ReadOptions): Promise<Buffer> {
  const { range, signal } = options
  throwIfAborted(signal)
  if (range && options.verify) await verifyWhole(content, signal)
  const { start, end } = range ?? { start: 0, end: content.size }
  const check = !range && options.verify !== false ? checkOnTheWay(content) : null
  const fd = await openContent(content)
  try {
    const buffer = Buffer.allocUnsafeSlow(end - start)
    await fill(content, fd, buffer, { start, check, signal })
    return buffer
  } finally {
    closeSync(fd)
  }
}

/** See `Staging.source`. */
export function contentSource(content: Content): BlobSource {
  const { size, path } = content
  return {
    size,
    path,
    read: (range = { start: 0, end: size }) =>
      new ContentStream({ open: () => openContent(content), range, failed: (error) => readError(content, error) }),
  }
}

/** See `Staging.check`. */
export async function checkContent(content: Content, signal?: AbortSignal): Promise<ContentCheck> {
  try {
    await verifyWhole(content, signal)
    return "good"
  } catch (error) {
    if (error instanceof ConsistencyError) return "corrupt"
    if (error instanceof NotFoundError) return "missing"
    throw error
  }
}

/** Opens the file and compares its length. @throws NOT_FOUND, CORRUPT */
async function openContent(content: Content): Promise<number> {
  const fd = await open(content.path, "r").catch((error: unknown) => {
    throw readError(content, error)
  })
  // Of an open file both are answered at once: another thread would cost more than the calls.
  const { size } = fstatSync(fd)
  if (size === content.size) return fd
  closeSync(fd)
  throw corrupt(content, `has ${size} bytes, not ${content.size}`)
}

/**
 * Fills the buffer by four pool threads at once, for copying out of the kernel's cache into fresh memory is most of the work; the pieces are
 * hashed in order, meanwhile.
 */
async function fill(
  content: Content,
  fd: number,
  buffer: Buffer,
  { start, check, signal }: { start: number; check: ContentCheckOnTheWay | null; signal: AbortSignal | undefined },
): Promise<void> {
  const pieces: Promise<void>[] = []
  const begin = (): void => {
    const offset = pieces.length * PIECE
    if (offset >= buffer.length) return
    const piece = fillPiece(content, fd, buffer, offset, start + offset)
    // Met when its turn comes; if one before it fails, nobody needs it.
    piece.catch(() => {})
    pieces.push(piece)
  }
  try {
    for (let lane = 0; lane < LANES; lane += 1) begin()
    for (let index = 0; index < pieces.length; index += 1) {
      await pieces[index]
      throwIfAborted(signal)
      begin()
      check?.update(buffer.subarray(index * PIECE, (index + 1) * PIECE))
    }
    check?.finish()
  } finally {
    // The descriptor must outlast every read of it.
    await Promise.allSettled(pieces.slice(-LANES))
  }
}

async function fillPiece(
  content: Content,
  fd: number,
  buffer: Buffer,
  offset: number,
  position: number,
): Promise<void> {
  const wanted = Math.min(PIECE, buffer.length - offset)
  try {
    if ((await readFully(fd, buffer, offset, wanted, position)) < wanted) throw readError(content, undefined)
  } catch (error) {
    throw readError(content, error)
  }
}

/** Hashes the whole file through two small buffers. @throws NOT_FOUND, CORRUPT, ABORTED */
async function verifyWhole(content: Content, signal: AbortSignal | undefined): Promise<void> {
  const stream = contentSource(content).read()
  const check = checkOnTheWay(content)
  for await (const chunk of stream) {
    check.update(chunk as Buffer)
    throwIfAborted(signal)
  }
  check.finish()
}

function checkOnTheWay(content: Content): ContentCheckOnTheWay {
  const { algorithm, hex } = splitBlobId(content.id)
  const hasher: Hasher = content.hashers.create(algorithm)
  let digest: string | null = null
  return {
    update: (bytes) => hasher.update(bytes),
    finish: () => {
      digest ??= hasher.digest()
      if (digest !== hex) throw corrupt(content, `hashes to ${digest}`)
    },
  }
}

function readError(content: Content, error: unknown): StoredError {
  if (error === undefined) return corrupt(content, "ends too early")
  if (systemCode(error) === "ENOENT") {
    return new NotFoundError(`The content of ${content.id} is not in staging.`, { cause: error })
  }
  if (isUnreadable(error)) return corrupt(content, "cannot be read from its disk", error)
  return storageError(error, `read ${content.id}`)
}

function corrupt({ id }: Content, what: string, cause?: unknown): ConsistencyError {
  const message = `The staged content of ${id} ${what}; read another copy, or put it again.`
  return new ConsistencyError("CORRUPT", message, { cause })
}
