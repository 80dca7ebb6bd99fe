/** Lists objects in pages, in the order of their keys' bytes. A page that is not in that order ends the listing with an error: whoever relies on it must know. */
import type { _Object, ListObjectsV2CommandOutput } from "@aws-sdk/client-s3"
import { PermanentAdapterError, throwIfAborted } from "../../core/error.ts"
import type { BackendEntry, BackendListOptions, SkippedEntry } from "../backend.ts"
import { toKeyBytes } from "../key-bytes.ts"
import type { S3Abilities } from "./abilities.ts"
import { bareEtag, partsOf } from "./etag.ts"
import { wholeSeconds } from "./read.ts"
import type { S3Session } from "./session.ts"

const PAGE = 1000

export async function* listObjects(
  session: S3Session,
  skip: (entry: SkippedEntry) => void,
  { prefix = "", after = "", limit = Number.POSITIVE_INFINITY, signal }: BackendListOptions,
): AsyncGenerator<BackendEntry> {
  const { places, abilities } = session
  if (!abilities.ordered) throw unordered()
  let left = limit
  let last = ""
  let token: string | undefined
  while (left > 0) {
    const page = await nextPage(session, { prefix, after, token, most: Math.min(left, PAGE), signal })
    for (const { Key, Size, LastModified, ETag, ChecksumAlgorithm, ChecksumType } of page.Contents ?? []) {
      throwIfAborted(signal)
      const name = decodeKey(Key ?? "")
      const bytes = name === null ? last : toKeyBytes(name)
      if (bytes < last) throw unordered()
      last = bytes
      const place = name === null ? { invalid: Key ?? "" } : places.keyOf(name)
      if (!place) continue
      if ("invalid" in place) {
        skip({ name: place.invalid, reason: "invalid-name" })
        continue
      }
      const etag = bareEtag(ETag)
      left -= 1
      yield {
        key: place.key,
        size: Size ?? 0,
        modified: wholeSeconds(LastModified),
        ...(etag !== undefined && { etag }),
        ...vouchedFor(abilities, { ChecksumAlgorithm, ChecksumType, etag }),
      }
      if (left <= 0) return
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined
    if (token === undefined) return
  }
}

/** Whether the server has a SHA-256 of the whole object, as far as its listing says. One of the parts' digests is none of the content. */
function vouchedFor(
  { sha256 }: S3Abilities,
  told: Pick<_Object, "ChecksumAlgorithm" | "ChecksumType"> & { etag: string | undefined },
): { vouched?: boolean } {
  const { ChecksumAlgorithm, ChecksumType, etag } = told
  if (!sha256 || !ChecksumAlgorithm?.length) return {}
  // Servers that do not say the type know of whole ones only where the object came in one piece.
  const isWhole =
    ChecksumType === undefined ? etag !== undefined && partsOf(etag) === null : ChecksumType === "FULL_OBJECT"
  return { vouched: isWhole && ChecksumAlgorithm.includes("SHA256") }
}

interface PageOptions {
  prefix: string
  after: string
  token: string | undefined
  most: number
  signal: AbortSignal | undefined
}

async function nextPage(
  session: S3Session,
  { prefix, after, token, most, signal }: PageOptions,
): Promise<ListObjectsV2CommandOutput> {
  const { sdk, client, bucket, places } = session
  const command = new sdk.ListObjectsV2Command({
    Bucket: bucket,
    Prefix: places.root + prefix,
    // The one of the two that is known: the first page begins after a key, the others after a page.
    ...(token !== undefined ? { ContinuationToken: token } : after !== "" && { StartAfter: places.root + after }),
    MaxKeys: most,
    // Keys may have characters that XML has not.
    EncodingType: "url",
  })
  return session.call({ what: `list "${prefix}"`, signal }, (abortSignal) => client.send(command, { abortSignal }))
}

/** Null where it is no UTF-8. Spaces come as `+` from some servers, which write a plus as `%2B`. */
function decodeKey(key: string): string | null {
  try {
    return decodeURIComponent(key.replaceAll("+", "%20"))
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

function unordered(): PermanentAdapterError {
  return new PermanentAdapterError(
    "BACKEND_REFUSED",
    "The server does not list in the order of the keys, so that what lies there cannot be indexed; puts and reads work.",
  )
}
