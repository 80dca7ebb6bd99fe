/** Addresses with which somebody without credentials reads or writes one object for a while. */
import { StoredError } from "../../core/error.ts"
import type { PresignOptions } from "../backend.ts"
import { askedOf } from "./attributes.ts"
import { s3Error } from "./error.ts"
import type { S3Session } from "./session.ts"

/** Signatures of version 4 hold for a week at most, seconds. */
const LONGEST_EXPIRY = 604_800

/** @throws StoredError INVALID_INPUT for an expiry that no server takes */
export async function presign(
  session: S3Session,
  method: "GET" | "PUT",
  key: string,
  options: PresignOptions,
): Promise<{ url: string; expires: number; headers: Record<string, string> }> {
  const { sdk, client, bucket, places, settings } = session
  const { expiresIn = settings.signedUrlExpiry, mimeType, size, fileName } = options
  if (!Number.isInteger(expiresIn) || expiresIn < 1 || expiresIn > LONGEST_EXPIRY) {
    throw new StoredError("INVALID_INPUT", `An address holds for 1 to ${LONGEST_EXPIRY} seconds, not for ${expiresIn}.`)
  }
  const target = { Bucket: bucket, Key: places.objectKey(key) }
  const command =
    method === "GET"
      ? new sdk.GetObjectCommand({
          ...target,
          ...(mimeType !== undefined && { ResponseContentType: mimeType }),
          ...(fileName !== undefined && { ResponseContentDisposition: attachment(fileName) }),
        })
      : new sdk.PutObjectCommand({
          ...target,
          ...(mimeType !== undefined && { ContentType: mimeType }),
          ...(size !== undefined && { ContentLength: size }),
          ...askedOf(session),
        })
  // Whoever writes must send these as they were signed: another size or type is refused.
  const headers: Record<string, string> = {
    ...(method === "PUT" && mimeType !== undefined && { "content-type": mimeType }),
    ...(method === "PUT" && size !== undefined && { "content-length": String(size) }),
  }
  try {
    const { getSignedUrl } = await import("@aws-sdk/s3-request-presigner")
    const expires = Date.now() + expiresIn * 1000
    const signed = { expiresIn, signableHeaders: new Set(Object.keys(headers)) }
    const url = await getSignedUrl(client, command as InstanceType<typeof sdk.GetObjectCommand>, signed)
    return { url, expires, headers }
  } catch (error) {
    throw s3Error(error, `presign "${key}"`)
  }
}

/** RFC 6266: the name in full for those who can, and its ASCII for the others. */
function attachment(fileName: string): string {
  const ascii = fileName.replace(/[^\x20-\x7e]|["\\%]/g, "_")
  const encoded = encodeURIComponent(fileName).replace(/['()*]/g, (each) => `%${each.charCodeAt(0).toString(16)}`)
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
