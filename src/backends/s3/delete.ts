/** Removes objects: one, or up to a thousand with one request. */
import { throwIfAborted } from "../../core/error.ts"
import type { CallOptions } from "../backend.ts"
import { s3Error } from "./error.ts"
import type { S3Session } from "./session.ts"
import type { Uploads } from "./uploads.ts"

const MOST_AT_ONCE = 1000

export async function deleteObject(
  session: S3Session,
  uploads: Uploads,
  key: string,
  { signal }: CallOptions,
): Promise<void> {
  const { sdk, client, bucket, places } = session
  const objectKey = places.objectKey(key)
  await uploads.supersede(objectKey, signal)
  const command = new sdk.DeleteObjectCommand({ Bucket: bucket, Key: objectKey })
  await session.call({ what: `delete "${key}"`, signal }, (abortSignal) => client.send(command, { abortSignal }))
}

/** Every key is tried; the first error is thrown afterwards. @throws StoredError INVALID_KEY before anything is removed */
export async function deleteObjects(
  session: S3Session,
  uploads: Uploads,
  keys: readonly string[],
  options: CallOptions,
): Promise<void> {
  for (const key of keys) session.places.objectKey(key)
  const faults: unknown[] = []
  const tried = (call: Promise<void>): Promise<void> => call.catch((error: unknown) => void faults.push(error))
  for (const key of keys.filter(isNoXml)) await tried(deleteObject(session, uploads, key, options))
  const named = keys.filter((key) => !isNoXml(key)).map((key) => session.places.objectKey(key))
  for (const objectKey of named) await uploads.supersede(objectKey, options.signal)
  for (let start = 0; start < named.length; start += MOST_AT_ONCE) {
    await tried(deletePage(session, named.slice(start, start + MOST_AT_ONCE), options.signal))
  }
  throwIfAborted(options.signal)
  if (faults.length > 0) throw faults[0]
}

/** A request for many is XML, which cannot name all characters that a key may have. */
function isNoXml(key: string): boolean {
  return /[\ufffe\uffff]/.test(key)
}

async function deletePage(
  session: S3Session,
  objectKeys: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { sdk, client, bucket } = session
  const command = new sdk.DeleteObjectsCommand({
    Bucket: bucket,
    Delete: { Objects: objectKeys.map((Key) => ({ Key })), Quiet: true },
  })
  const answer = await session.call({ what: `delete ${objectKeys.length} objects`, signal }, (abortSignal) =>
    client.send(command, { abortSignal }),
  )
  const failed = answer.Errors?.find(({ Code }) => Code !== "NoSuchKey")
  if (failed) throw s3Error({ Code: failed.Code }, `delete "${failed.Key}"`)
}
