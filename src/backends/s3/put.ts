/**
 * Writes an object: in one request up to a size, in parts above it. The bytes are hashed as they are read, before they are sent: bytes that are not what
 * they should be are never written, and the server is sent the digests to compare. The answer is the ETag that these bytes must have, computed here.
 */
import type { BlobSource } from "../../core/blob-source.ts"
import type { Hasher } from "../../core/checksum.ts"
import { ConsistencyError, throwIfAborted } from "../../core/error.ts"
import type { BackendPutOptions } from "../backend.ts"
import { askedOf, conditionOf, describe } from "./attributes.ts"
import { toBase64 } from "./etag.ts"
import type { PartRoom } from "./part-room.ts"
import { openPieces, type Pieces } from "./pieces.ts"
import { putParts } from "./put-parts.ts"
import type { S3Session } from "./session.ts"
import type { Uploads } from "./uploads.ts"

/** bytes of the largest body that is signed with its SHA-256. Above it, as with parts, the server has the MD5 to compare and need not hash everything twice. */
const MOST_SIGNED = 2 ** 20

export interface PutParts {
  session: S3Session
  room: PartRoom
  uploads: Uploads
}

/** One object that is being written. */
export interface Writing extends PutParts {
  key: string
  objectKey: string
  /** bytes, where known */
  size: number | undefined
  reader: Pieces
  options: BackendPutOptions
  /** MD5 in hex of what was read since it was asked the last time */
  takeMd5(): string
  /** @throws StoredError CHECKSUM_MISMATCH where everything that was read is not the declared content */
  requireContent(): void
}

/** The ETag that proves the copy, where the server's ETags prove anything and it was said what the bytes should be. */
export async function putObject(
  parts: PutParts,
  key: string,
  source: BlobSource,
  options: BackendPutOptions,
): Promise<string | undefined> {
  const { session, room } = parts
  const { signal } = options
  throwIfAborted(signal)
  const objectKey = session.places.objectKey(key)
  const { multipartAbove, partSize } = session.settings
  const size = source.bytes?.byteLength ?? source.size
  const digests = new Digests(session, key, options)
  const reader = await openPieces(source, signal, (bytes) => digests.update(bytes))
  const writing: Writing = {
    ...parts,
    key,
    objectKey,
    size,
    reader,
    options,
    takeMd5: () => digests.takeMd5(),
    requireContent: () => digests.requireContent(),
  }
  try {
    if (size !== undefined && size > multipartAbove) return await putParts(writing, null)
    const most = size ?? Math.max(partSize, multipartAbove)
    const seat = await room.enter(most, signal)
    let leave: (() => void) | null = seat.leave
    try {
      const body = await reader.read(most, seat.memory)
      if (await reader.isAtEnd()) return await putWhole(writing, body)
      // Only a source that did not say its size has more. The room is given back when the part is sent: nobody waits for room who holds some.
      const first = { body, md5: digests.takeMd5(), leave }
      leave = null
      return await putParts(writing, first)
    } finally {
      leave?.()
    }
  } finally {
    await reader.close()
  }
}

async function putWhole(writing: Writing, body: Uint8Array): Promise<string | undefined> {
  const { session, uploads, key, objectKey, options } = writing
  const { objects, bucket, abilities } = session
  const { checksum, signal, mimeType } = options
  writing.requireContent()
  await uploads.supersede(objectKey, signal)
  const md5 = writing.takeMd5()
  const sha256 = checksum?.algorithm === "sha256" ? checksum.hex : undefined
  const isSigned = body.byteLength <= MOST_SIGNED
  const input = {
    Bucket: bucket,
    Key: objectKey,
    Body: body,
    ContentMD5: toBase64(md5),
    ...(sha256 !== undefined && abilities.sha256 && { ChecksumSHA256: toBase64(sha256) }),
    ...(mimeType !== undefined && { ContentType: mimeType }),
    Metadata: describe(options),
    ...askedOf(session),
    ...conditionOf(session, options.replaces),
  }
  await session.call({ what: `write "${key}"`, signal, bytes: body.byteLength }, (abortSignal) =>
    objects.write(input, isSigned ? sha256 : undefined, abortSignal),
  )
  return checksum && abilities.etag === "md5" ? md5 : undefined
}

/** Two digests at once: of the whole, where it is known what it should be, and of what makes the next ETag. */
class Digests {
  readonly #session: S3Session
  readonly #key: string
  readonly #options: BackendPutOptions
  readonly #whole: Hasher | null
  #md5: Hasher

  constructor(session: S3Session, key: string, options: BackendPutOptions) {
    this.#session = session
    this.#key = key
    this.#options = options
    this.#whole = options.checksum ? session.hashers.create(options.checksum.algorithm) : null
    this.#md5 = session.hashers.create("md5")
  }

  update(bytes: Uint8Array): void {
    this.#whole?.update(bytes)
    this.#md5.update(bytes)
  }

  takeMd5(): string {
    const hex = this.#md5.digest()
    this.#md5 = this.#session.hashers.create("md5")
    return hex
  }

  requireContent(): void {
    if (!this.#whole || this.#whole.digest() === this.#options.checksum?.hex) return
    throw new ConsistencyError(
      "CHECKSUM_MISMATCH",
      `The bytes that were read for "${this.#key}" are not what they should be; nothing was written.`,
      { retryable: true },
    )
  }
}
