/** What the server knows of uploads in parts: their parts, those of a key, and their end. */
import { isStoredError } from "../../core/error.ts"
import { isUploadGone } from "./error.ts"
import { bareEtag } from "./etag.ts"
import type { S3Session } from "./session.ts"

/** What the server has of an upload: part number → bytes and ETag. @throws StoredError with a cause that `isUploadGone` knows */
export async function listParts(
  session: S3Session,
  objectKey: string,
  uploadId: string,
  signal: AbortSignal | undefined,
): Promise<Map<number, { size: number; etag: string }>> {
  const { sdk, client, bucket } = session
  const parts = new Map<number, { size: number; etag: string }>()
  let after: string | undefined
  do {
    const command = new sdk.ListPartsCommand({
      Bucket: bucket,
      Key: objectKey,
      UploadId: uploadId,
      ...(after !== undefined && { PartNumberMarker: after }),
    })
    const page = await session.call({ what: `list the parts of "${objectKey}"`, signal }, (abortSignal) =>
      client.send(command, { abortSignal }),
    )
    for (const { PartNumber, Size, ETag } of page.Parts ?? []) {
      const etag = bareEtag(ETag)
      if (PartNumber !== undefined && Size !== undefined && etag !== undefined)
        parts.set(PartNumber, { size: Size, etag })
    }
    after = page.IsTruncated ? page.NextPartNumberMarker : undefined
  } while (after !== undefined)
  return parts
}

/** The ids of the uploads of this very key that began at or after a time, UTC ms by the server's clock. */
export async function uploadsSince(
  session: S3Session,
  objectKey: string,
  time: number,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const ids: string[] = []
  for await (const upload of listUploads(session, objectKey, signal)) {
    if (upload.key === objectKey && upload.initiated >= time) ids.push(upload.id)
  }
  return ids
}

interface OpenUpload {
  key: string
  id: string
  /** UTC ms */
  initiated: number
}

/** Every upload of keys that start with `prefix`, whoever began it. */
export async function* listUploads(
  session: S3Session,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<OpenUpload> {
  const { sdk, client, bucket } = session
  let after: { KeyMarker: string; UploadIdMarker?: string } | null = null
  do {
    const command: InstanceType<typeof sdk.ListMultipartUploadsCommand> = new sdk.ListMultipartUploadsCommand({
      Bucket: bucket,
      Prefix: prefix,
      ...after,
    })
    const page = await session.call({ what: "list unfinished uploads", signal }, (abortSignal) =>
      client.send(command, { abortSignal }),
    )
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined) continue
      yield { key: Key, id: UploadId, initiated: Initiated?.getTime() ?? 0 }
    }
    after =
      page.IsTruncated && page.NextKeyMarker !== undefined
        ? { KeyMarker: page.NextKeyMarker, ...(page.NextUploadIdMarker && { UploadIdMarker: page.NextUploadIdMarker }) }
        : null
  } while (after)
}

/** Ends an upload and frees its parts; one that has ended already is no fault. */
export async function abortUpload(
  session: S3Session,
  objectKey: string,
  uploadId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { sdk, client, bucket } = session
  const command = new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: objectKey, UploadId: uploadId })
  try {
    await session.call({ what: `abort the upload of "${objectKey}"`, signal }, (abortSignal) =>
      client.send(command, { abortSignal }),
    )
  } catch (error) {
    if (!isStoredError(error) || !isUploadGone(error)) throw error
  }
}
