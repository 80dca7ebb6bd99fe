/** Which bytes of which content an answer carries, by its own headers. */
import type { IncomingMessage } from "node:http"
import { type BlobId, isBlobId } from "../core/blob-id.ts"
import type { ByteRange } from "../core/blob-source.ts"
import { StoredError } from "../core/error.ts"

export interface AnsweredRange {
  range: ByteRange
  /** of the whole content, bytes */
  size: number
  /** null where the answer has no strong tag: it cannot be resumed */
  etag: string | null
  /** what the content must hash to, null where the tag is no id */
  id: BlobId | null
}

/** @throws StoredError INTERNAL where the headers do not say */
export function answeredRange({ statusCode, headers }: IncomingMessage): AnsweredRange {
  const etag = headers.etag !== undefined && !headers.etag.startsWith("W/") ? headers.etag : null
  const name = etag?.replace(/^"(.*)"$/, "$1") ?? ""
  const tag = { etag, id: isBlobId(name) ? name : null }
  const length = Number(headers["content-length"] ?? Number.NaN)
  if (statusCode === 200 && Number.isSafeInteger(length)) {
    return { range: { start: 0, end: length }, size: length, ...tag }
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers["content-range"] ?? "")
  if (statusCode !== 206 || !match) throw new StoredError("INTERNAL", "The answer does not say which bytes it carries.")
  return { range: { start: Number(match[1]), end: Number(match[2]) + 1 }, size: Number(match[3]), ...tag }
}
