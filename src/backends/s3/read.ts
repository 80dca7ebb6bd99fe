/** Looks at objects and reads them. */
import { Readable } from "node:stream"
import type { ByteRange } from "../../core/blob-source.ts"
import { isStoredError, NotFoundError } from "../../core/error.ts"
import type { BackendStat, CallOptions } from "../backend.ts"
import { resolveRange } from "../range.ts"
import { claimsOf } from "./attributes.ts"
import { BodyStream } from "./body-stream.ts"
import { bareEtag } from "./etag.ts"
import type { HeadAnswer } from "./objects.ts"
import type { S3Session } from "./session.ts"

export interface HeadOfObject extends BackendStat {
  /** what we wrote about it; proves nothing by itself */
  claims: ReturnType<typeof claimsOf>
}

const SECOND = 1000

/** What lies under the key, or null. @throws StoredError */
export async function headObject(
  session: S3Session,
  key: string,
  signal: AbortSignal | undefined,
): Promise<HeadOfObject | null> {
  const { objects, bucket, places, abilities } = session
  const input = {
    Bucket: bucket,
    Key: places.objectKey(key),
    ...(abilities.sha256 && { ChecksumMode: "ENABLED" as const }),
  }
  try {
    const answer = await session.call({ what: `look at "${key}"`, signal }, (abortSignal) =>
      objects.head(input, abortSignal),
    )
    return toHead(answer)
  } catch (error) {
    if (error instanceof NotFoundError) return null
    throw error
  }
}

/** Times are whole seconds everywhere: HEAD knows no finer ones, listings of some servers do, and both must say the same. */
export function wholeSeconds(time: Date | undefined): number {
  return Math.floor((time?.getTime() ?? 0) / SECOND) * SECOND
}

function toHead(answer: HeadAnswer): HeadOfObject {
  const etag = bareEtag(answer.ETag)
  // A composed checksum, of the parts' checksums, is not that of the content.
  const isComposed = answer.ChecksumType === "COMPOSITE" || answer.ChecksumSHA256?.includes("-") === true
  const sha256 = isComposed ? null : (answer.ChecksumSHA256 ?? null)
  return {
    size: answer.ContentLength ?? 0,
    modified: wholeSeconds(answer.LastModified),
    ...(etag !== undefined && { etag }),
    ...(sha256 !== null && { checksums: { sha256: Buffer.from(sha256, "base64").toString("hex") } }),
    claims: claimsOf(answer.Metadata),
  }
}

/** @throws StoredError NOT_FOUND, INVALID_RANGE */
export async function readObject(
  session: S3Session,
  key: string,
  { range, signal }: CallOptions & { range?: ByteRange },
): Promise<Readable> {
  const objectKey = session.places.objectKey(key)
  // Checked against the largest size there is: what cannot be right for any object is refused here.
  if (range) resolveRange(range, Number.MAX_SAFE_INTEGER)
  if (range && range.start === range.end) return emptyRange(session, key, range, signal)
  const { sdk, client, bucket } = session
  const command = new sdk.GetObjectCommand({
    Bucket: bucket,
    Key: objectKey,
    ...(range && { Range: rangeHeader(range) }),
  })
  try {
    const answer = await session.call({ what: `read "${key}"`, signal }, (abortSignal) =>
      client.send(command, { abortSignal }),
    )
    const idle = session.settings.timeouts.idle
    return new BodyStream(answer.Body as Readable, { key, size: answer.ContentLength, idle, signal })
  } catch (error) {
    if (range && isStoredError(error) && error.code === "INVALID_RANGE") return emptyRange(session, key, range, signal)
    throw error
  }
}

/** A server refuses ranges that begin at the end, where here they are empty. */
async function emptyRange(
  session: S3Session,
  key: string,
  range: ByteRange,
  signal: AbortSignal | undefined,
): Promise<Readable> {
  const head = await headObject(session, key, signal)
  if (!head) throw new NotFoundError(`There is no "${key}" on this backend.`)
  const { start, end } = resolveRange(range, head.size)
  if (start < end) return readObject(session, key, { range: { start, end }, ...(signal && { signal }) })
  return Readable.from([], { objectMode: false })
}

function rangeHeader({ start, end }: ByteRange): string {
  return Number.isFinite(end) ? `bytes=${start}-${end - 1}` : `bytes=${start}-`
}
