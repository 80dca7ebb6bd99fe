/** Copies an object within the bucket: its bytes do not pass through here. */
import { PermanentAdapterError, TransientAdapterError } from "../../core/error.ts"
import type { BackendStat, CallOptions } from "../backend.ts"
import { askedOf, conditionOf } from "./attributes.ts"
import { headObject } from "./read.ts"
import type { S3Session } from "./session.ts"
import type { Uploads } from "./uploads.ts"

/** S3's limit for one request, bytes */
const MOST_BYTES = 5 * 2 ** 30

/** What lies under the new key afterwards. @throws StoredError NOT_FOUND, BACKEND_REFUSED where it is too large for one request */
export async function copyObject(
  session: S3Session,
  uploads: Uploads,
  from: string,
  to: string,
  { signal }: CallOptions,
): Promise<BackendStat> {
  const { sdk, client, bucket, places } = session
  const objectKey = places.objectKey(to)
  const source = await headObject(session, from, signal)
  if (source && source.size > MOST_BYTES) {
    throw new PermanentAdapterError(
      "BACKEND_REFUSED",
      `"${from}" is too large to be copied on the server; put it anew.`,
    )
  }
  await uploads.supersede(objectKey, signal)
  const command = new sdk.CopyObjectCommand({
    Bucket: bucket,
    Key: objectKey,
    CopySource: encodeURIComponent(`${bucket}/${places.objectKey(from)}`),
    // Bound to what was looked at.
    ...(source?.etag !== undefined && { CopySourceIfMatch: conditionOf(session, source.etag).IfMatch }),
    ...askedOf(session),
  })
  await session.call({ what: `copy "${from}" to "${to}"`, signal, bytes: source?.size ?? 0 }, (abortSignal) =>
    client.send(command, { abortSignal }),
  )
  // The answer may hold a fault behind a good status.
  const seen = await headObject(session, to, signal)
  if (seen && seen.size === source?.size) return seen
  throw new TransientAdapterError(`The copy of "${from}" under "${to}" is not there.`)
}
