/**
 * A blob's id: `<algorithm>:<hex>` of its plain content, `sha256` or `blake3` (R3 of the settled questions). Content that lies on a backend and was never read
 * has a provisional one until it is (R12): `etag:<hex>`, made of where it lies and what the backend says of its state.
 */
import { hash } from "node:crypto"
import { type ChecksumAlgorithm, type IdAlgorithm, isChecksumAlgorithm, isDigest } from "./checksum.ts"
import { StoredError } from "./error.ts"

const PROVISIONAL = "etag"

export type BlobId = `${IdAlgorithm | typeof PROVISIONAL}:${string}`

const ID = /^(sha256|blake3|etag):[0-9a-f]{64}$/

export function isBlobId(text: string): text is BlobId {
  return ID.test(text)
}

export function blobId(algorithm: IdAlgorithm, hex: string): BlobId {
  return `${algorithm}:${hex}`
}

/** What stands for the content of one place in one state. The same state of the same place has the same id. */
export function provisionalId(
  place: { backend: string; key: string },
  state: { size: number; modified: number; etag?: string },
): BlobId {
  const { size, modified, etag = "" } = state
  const text = JSON.stringify([place.backend, place.key, size, etag === "" ? modified : "", etag])
  return `${PROVISIONAL}:${hash("sha256", text, "hex")}`
}

/** Whether it says nothing of the bytes. */
export function isProvisional(id: BlobId): boolean {
  return id.startsWith(PROVISIONAL)
}

/** The two halves of an id. The id must be well formed. @throws StoredError CORRUPT where nothing is known of the bytes that it stands for */
export function splitBlobId(id: BlobId): { algorithm: IdAlgorithm; hex: string } {
  if (isProvisional(id)) {
    const message = `The content of ${id} was never read, so nothing can be compared with it; scan its backend with its content.`
    throw new StoredError("CORRUPT", message, { details: { id } })
  }
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
