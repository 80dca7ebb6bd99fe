/**
 * Copies an object within the bucket: its bytes do not pass through here. The copy is as provable as an upload (decision 0023): by the SHA-256 that the server
 * computes of it, or by the ETag that was computed here when the first one was written. What could only be believed is not copied.
 */
import { ConflictError, NotFoundError, PermanentAdapterError } from "../../core/error.ts"
import type { BackendCopyOptions } from "../backend.ts"
import type { S3Abilities } from "./abilities.ts"
import { askedOf, conditionOf, contentClaim, describe } from "./attributes.ts"
import { partsOf } from "./etag.ts"
import { headObject } from "./read.ts"
import type { S3Session } from "./session.ts"
import type { Uploads } from "./uploads.ts"

/** S3's limit for one request, bytes */
const MOST_BYTES = 5 * 2 ** 30

/** The ETag that proves the copy, where there is one. @throws StoredError NOT_FOUND, CONFLICT, BACKEND_REFUSED */
export async function copyObject(
  session: S3Session,
  uploads: Uploads,
  from: string,
  to: string,
  { proven, signal, mimeType, modified, replaces }: BackendCopyOptions,
): Promise<string | undefined> {
  const { sdk, client, bucket, places, abilities } = session
  const { size, checksum, etag } = proven
  const objectKey = places.objectKey(to)
  if (abilities.copies === "no" || size > MOST_BYTES) throw refused(from, "put it anew")
  const source = await headObject(session, from, signal)
  if (!source) throw new NotFoundError(`There is no "${from}" on this backend.`)
  if (source.size !== size || source.etag !== etag)
    throw new ConflictError(`"${from}" is no longer what was proven there.`, { retryable: true })
  const isClaimed = source.claims.content === contentClaim(checksum)
  const isVouched = abilities.sha256 && checksum.algorithm === "sha256"
  if (!isClaimed && !isVouched) throw refused(from, "it was not written as this content")
  await uploads.supersede(objectKey, signal)
  const command = new sdk.CopyObjectCommand({
    Bucket: bucket,
    Key: objectKey,
    CopySource: encodeURIComponent(`${bucket}/${places.objectKey(from)}`),
    // Bound to what was looked at.
    CopySourceIfMatch: conditionOf(session, etag).IfMatch,
    MetadataDirective: "REPLACE",
    Metadata: describe(
      { ...(isClaimed && { checksum }), ...(modified !== undefined && { modified }) },
      source.claims.partSize,
    ),
    ...(mimeType !== undefined && { ContentType: mimeType }),
    ...(isVouched && { ChecksumAlgorithm: "SHA256" as const }),
    ...askedOf(session),
    ...(abilities.copies === "bound" && conditionOf(session, replaces)),
  })
  await session.call({ what: `copy "${from}" to "${to}"`, signal, bytes: size }, (abortSignal) =>
    client.send(command, { abortSignal }),
  )
  return isClaimed && isTrusted(abilities, etag) ? etag : undefined
}

function isTrusted(abilities: S3Abilities, etag: string): boolean {
  return (partsOf(etag) === null ? abilities.etag : abilities.partsEtag) === "md5"
}

function refused(key: string, why: string): PermanentAdapterError {
  return new PermanentAdapterError("BACKEND_REFUSED", `"${key}" cannot be copied on the server; ${why}.`)
}
