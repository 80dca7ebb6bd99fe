/** A blob's id: `<algorithm>:<hex>` of its plain content, `sha256` or `blake3` (R3 of the settled questions). */
import { type ChecksumAlgorithm, type IdAlgorithm, isChecksumAlgorithm, isDigest } from "./checksum.ts"
import { StoredError } from "./error.ts"

export type BlobId = `${IdAlgorithm}:${string}`

const ID = /^(sha256|blake3):[0-9a-f]{64}$/

export function isBlobId(text: string): text is BlobId {
  return ID.test(text)
}

export function blobId(algorithm: IdAlgorithm, hex: string): BlobId {
  return `${algorithm}:${hex}`
}

/** The two halves of an id. The id must be well formed. */
export function splitBlobId(id: BlobId): { algorithm: IdAlgorithm; hex: string } {
  const colon = id.indexOf(":")
  return { algorithm: id.slice(0, colon) as IdAlgorithm, hex: id.slice(colon + 1) }
}

/** Any known checksum written `<algorithm>:<hex>` (`md5:…`, `xxh3:…`), or null where the text is none. */
export function parseChecksumReference(text: string): { algorithm: ChecksumAlgorithm; hex: string } | null {
  const colon = text.indexOf(":")
  if (colon < 0) return null
  const algorithm = text.slice(0, colon)
  const hex = text.slice(colon + 1)
  return isChecksumAlgorithm(algorithm) && isDigest(algorithm, hex) ? { algorithm, hex } : null
}

/** Checks a declared checksum such as `sha256:…`. @throws StoredError INVALID_INPUT */
export function requireChecksumReference(text: string): { algorithm: ChecksumAlgorithm; hex: string } {
  const parsed = parseChecksumReference(text.toLowerCase())
  if (parsed) return parsed
  throw new StoredError(
    "INVALID_INPUT",
    `"${text}" is not a checksum; write it as <algorithm>:<hex>, e.g. sha256:… with 64 hex digits.`,
  )
}
