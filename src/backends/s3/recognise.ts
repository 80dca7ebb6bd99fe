/**
 * Whether an object holds given bytes, without reading it: by the server's own SHA-256, or by an ETag that is computed here from the bytes themselves. MD5s can
 * be made to collide, so an ETag counts only for an object that was written as this very content: nobody else's bytes pass for it.
 */
import type { BlobSource } from "../../core/blob-source.ts"
import { throwIfAborted } from "../../core/error.ts"
import type { KnownContent } from "../backend.ts"
import { contentClaim } from "./attributes.ts"
import { composedEtag, partsOf } from "./etag.ts"
import { openPieces } from "./pieces.ts"
import { partSizeFor } from "./put-parts.ts"
import { headObject } from "./read.ts"
import type { S3Session } from "./session.ts"

const PIECE = 2 ** 20

/** `unknown`: the server's means prove nothing about it, one way or the other. */
export async function recogniseObject(
  session: S3Session,
  key: string,
  { size, checksum }: KnownContent,
  source: () => Promise<BlobSource>,
  signal: AbortSignal | undefined,
): Promise<"same" | "other" | "unknown"> {
  const head = await headObject(session, key, signal)
  if (!head || head.size !== size) return "other"
  const known = head.checksums?.[checksum.algorithm]
  if (known !== undefined) return known === checksum.hex ? "same" : "other"
  const { etag, claims } = head
  if (etag === undefined || claims.content !== contentClaim(checksum)) return "unknown"
  const parts = partsOf(etag)
  const { abilities, settings } = session
  if ((parts === null ? abilities.etag : abilities.partsEtag) === "opaque") return "unknown"
  const partSize = parts === null ? Math.max(size, 1) : (claims.partSize ?? partSizeFor(size, settings.partSize))
  if (parts !== null && parts !== Math.ceil(size / partSize)) return "unknown"
  const computed = await etagOf(session, await source(), { size, checksum }, partSize, parts !== null, signal)
  // Bytes here that are not what they should be say nothing about the object.
  if (computed === null) return "unknown"
  return computed === etag ? "same" : "unknown"
}

/** The ETag that the source's bytes would have, or null where they are not the content that they should be. */
async function etagOf(
  { hashers }: S3Session,
  source: BlobSource,
  { size, checksum }: KnownContent,
  partSize: number,
  isComposed: boolean,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  const whole = hashers.create(checksum.algorithm)
  const md5s: string[] = []
  let md5 = hashers.create("md5")
  const memory = Buffer.allocUnsafeSlow(Math.min(PIECE, size))
  const reader = await openPieces(source, signal, (bytes) => {
    whole.update(bytes)
    md5.update(bytes)
  })
  try {
    for (let start = 0; start < size; start += partSize) {
      const end = Math.min(start + partSize, size)
      for (let at = start; at < end; ) {
        throwIfAborted(signal)
        const piece = await reader.read(Math.min(PIECE, end - at), (bytes) => memory.subarray(0, bytes))
        if (piece.byteLength === 0) return null
        at += piece.byteLength
      }
      md5s.push(md5.digest())
      md5 = hashers.create("md5")
    }
    if (!(await reader.isAtEnd()) || whole.digest() !== checksum.hex) return null
    return isComposed ? composedEtag(md5s) : (md5s[0] ?? md5.digest())
  } finally {
    await reader.close()
  }
}
