/**
 * ETags as S3 servers make them where they can be trusted: the MD5 of an object that was sent in one request, and of one in parts the MD5 of its
 * parts' MD5s with their number. An ETag is compared only with one that was computed here, from the bytes themselves.
 */
import { createHash } from "node:crypto"

/** An ETag without its quotes, as servers differ about them. */
export function bareEtag(etag: string | undefined): string | undefined {
  return etag?.replace(/^"(.*)"$/, "$1")
}

/** How many parts an ETag tells of, or null where it is no composed one. */
export function partsOf(etag: string): number | null {
  const [, count] = /^[0-9a-f]{32}-([1-9]\d*)$/.exec(etag) ?? []
  return count === undefined ? null : Number(count)
}

/** @param parts the MD5 of each part in hex, in their order */
export function composedEtag(parts: readonly string[]): string {
  const hash = createHash("md5")
  for (const part of parts) hash.update(part, "hex")
  return `${hash.digest("hex")}-${parts.length}`
}

/** A digest in hex as the headers of S3 want it. */
export function toBase64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64")
}
