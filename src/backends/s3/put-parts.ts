/**
 * Writes an object in parts. Read once and in order, sent several at a time; of an upload that was broken off, parts that the server has with the same
 * digest are not sent again. The answer to the last request is not believed: the object itself is looked at.
 */
import { isStoredError, StoredError, TransientAdapterError, throwIfAborted } from "../../core/error.ts"
import { conditionOf, contentClaim } from "./attributes.ts"
import { bareEtag, composedEtag, toBase64 } from "./etag.ts"
import type { Seat } from "./part-room.ts"
import type { Writing } from "./put.ts"
import { headObject } from "./read.ts"
import type { Upload } from "./uploads.ts"

/** S3's limits */
const MOST_PARTS = 10_000
const MIB = 2 ** 20
/** of each part: were one fault in hundreds of parts a fault of the whole, large objects would never be done on a bad day */
const TRIES = 5

interface Piece {
  body: Uint8Array
  md5: string
}

/** Bytes of a part, so that an object of `size` bytes has no more than 10,000; a whole number of MiB where that is not what was set. */
export function partSizeFor(size: number | undefined, partSize: number): number {
  if (size === undefined || size <= partSize * MOST_PARTS) return partSize
  return Math.ceil(size / MOST_PARTS / MIB) * MIB
}

/** What was read already of a source of unknown size, and what gives its room back. */
export interface FirstPiece extends Piece {
  leave(): void
}

export async function putParts(writing: Writing, first: FirstPiece | null): Promise<string | undefined> {
  const { session, uploads, objectKey, options } = writing
  const partSize = first?.body.byteLength ?? partSizeFor(writing.size, session.settings.partSize)
  const upload = await uploads.begin(objectKey, writing.size, partSize, options)
  try {
    const md5s = await sendParts(writing, upload, partSize, first)
    writing.requireContent()
    const etag = composedEtag(md5s)
    await complete(writing, upload, md5s, etag)
    await uploads.finished(objectKey, options.signal)
    return options.checksum && session.abilities.partsEtag === "md5" ? etag : undefined
  } catch (error) {
    // What may pass is gone on with at the next try; what will not leaves nothing behind.
    if (!mayPass(error)) await uploads.abandon(objectKey, upload)
    throw error
  }
}

function mayPass(error: unknown): boolean {
  if (!isStoredError(error) || error.code === "CHECKSUM_MISMATCH") return false
  return error.retryable || error.code === "ABORTED" || error.code === "CLOSED"
}

/** The MD5s of all parts, in order, once the server has all of them. */
async function sendParts(
  writing: Writing,
  upload: Upload,
  partSize: number,
  first: FirstPiece | null,
): Promise<string[]> {
  const { room, reader, options, uploads, objectKey } = writing
  const failed = new AbortController()
  const signal = options.signal ? AbortSignal.any([options.signal, failed.signal]) : failed.signal
  const sending = new Set<Promise<void>>()
  const md5s: string[] = []
  let fault: unknown = null
  const send = (piece: Piece, done: () => void): void => {
    md5s.push(piece.md5)
    const sent = sendPart(writing, upload, md5s.length, piece, signal)
      .catch((error: unknown) => {
        fault ??= error
        failed.abort()
      })
      .finally(() => {
        sending.delete(sent)
        done()
      })
    sending.add(sent)
  }
  try {
    if (first) send(first, first.leave)
    while (!(await reader.isAtEnd())) {
      if (md5s.length === MOST_PARTS) throw tooLarge(writing.key, partSize)
      const left = writing.size === undefined ? partSize : writing.size - md5s.length * partSize
      const bytes = Math.min(partSize, left)
      const seat = await room.enter(bytes, signal)
      send(await readPiece(writing, bytes, seat), seat.leave)
      await uploads.renew(objectKey, options.signal)
    }
    await Promise.all(sending)
  } catch (error) {
    fault ??= error
    failed.abort()
  }
  await Promise.all(sending)
  if (fault === null) return md5s
  throwIfAborted(options.signal)
  throw fault
}

async function readPiece({ reader, takeMd5 }: Writing, bytes: number, seat: Seat): Promise<Piece> {
  try {
    const body = await reader.read(bytes, seat.memory)
    return { body, md5: takeMd5() }
  } catch (error) {
    seat.leave()
    throw error
  }
}

async function sendPart(
  { session, objectKey, key }: Writing,
  upload: Upload,
  number: number,
  { body, md5 }: Piece,
  signal: AbortSignal,
): Promise<void> {
  const there = upload.parts.get(number)
  if (there?.size === body.byteLength && there.etag === md5) return
  const { objects, bucket } = session
  const input = {
    Bucket: bucket,
    Key: objectKey,
    UploadId: upload.id,
    PartNumber: number,
    Body: body,
    ContentMD5: toBase64(md5),
  }
  const etag = await session.call(
    { what: `write part ${number} of "${key}"`, signal, bytes: body.byteLength, tries: TRIES },
    (abortSignal) => objects.writePart(input, abortSignal),
  )
  upload.parts.set(number, { size: body.byteLength, etag: bareEtag(etag) ?? md5 })
}

async function complete(writing: Writing, upload: Upload, md5s: readonly string[], etag: string): Promise<void> {
  const { session, objectKey, key, options } = writing
  const { sdk, client, bucket } = session
  const Parts = md5s.map((md5, index) => ({
    PartNumber: index + 1,
    // Where ETags are not MD5s, the server must be told its own.
    ETag: `"${upload.parts.get(index + 1)?.etag ?? md5}"`,
  }))
  const command = new sdk.CompleteMultipartUploadCommand({
    Bucket: bucket,
    Key: objectKey,
    UploadId: upload.id,
    MultipartUpload: { Parts },
    ...(session.abilities.partsCondition && conditionOf(session, options.replaces)),
  })
  const { signal } = options
  let fault: unknown = null
  try {
    await session.call({ what: `complete "${key}"`, signal }, (abortSignal) => client.send(command, { abortSignal }))
  } catch (error) {
    if (signal?.aborted || !isStoredError(error) || error.code === "CONFLICT") throw error
    // An answer that is lost, or a fault in it, does not say whether the object was made.
    fault = error
  }
  if (await isMade(writing, upload, etag)) return
  throw fault ?? new TransientAdapterError(`The server said that "${key}" is complete, but it does not hold it.`)
}

/** Where ETags prove nothing, what is there was at least meant to be this; the proof is made by whoever asked for the write. */
async function isMade({ session, key, options }: Writing, upload: Upload, etag: string): Promise<boolean> {
  const seen = await headObject(session, key, options.signal)
  if (!seen || session.abilities.partsEtag === "md5") return seen?.etag === etag
  let size = 0
  for (const part of upload.parts.values()) size += part.size
  return seen.size === size && seen.claims.content === (options.checksum && contentClaim(options.checksum))
}

function tooLarge(key: string, partSize: number): StoredError {
  const most = MOST_PARTS * partSize
  return new StoredError("TOO_LARGE", `"${key}" has more than ${most} bytes; say its size, or raise partSize.`)
}
