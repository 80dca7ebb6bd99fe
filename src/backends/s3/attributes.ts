/** What an object carries besides its bytes: our claims about it in its metadata, and what every write asks of the server. */
import type { PutObjectCommandInput } from "@aws-sdk/client-s3"
import type { BackendPutOptions, KnownChecksum } from "../backend.ts"
import type { S3Session } from "./session.ts"

/** `sha256:…` of what was meant to be written. A claim, not a proof: it is believed only beside an ETag. */
const CONTENT = "stored-content"
/** bytes of each part but the last, of an object that was sent in parts */
const PART_SIZE = "stored-part-size"
/** modification time in seconds, as rclone writes and reads it */
const MODIFIED = "mtime"

/** Metadata of an object that is being written. */
export function describe(
  { checksum, modified }: Pick<BackendPutOptions, "checksum" | "modified">,
  partSize?: number,
): Record<string, string> {
  return {
    ...(checksum && { [CONTENT]: contentClaim(checksum) }),
    ...(partSize !== undefined && { [PART_SIZE]: String(partSize) }),
    ...(modified !== undefined && { [MODIFIED]: String(modified / 1000) }),
  }
}

/** How the metadata writes what the content is. */
export function contentClaim({ algorithm, hex }: KnownChecksum): string {
  return `${algorithm}:${hex}`
}

/** Our claims about an object, as far as its metadata has any. */
export function claimsOf(metadata: Record<string, string> | undefined): { content?: string; partSize?: number } {
  const partSize = Number(metadata?.[PART_SIZE])
  return {
    ...(metadata?.[CONTENT] !== undefined && { content: metadata[CONTENT] }),
    ...(Number.isSafeInteger(partSize) && partSize > 0 && { partSize }),
  }
}

type Asked = Pick<PutObjectCommandInput, "StorageClass" | "ServerSideEncryption" | "SSEKMSKeyId">

/** What the settings ask of every object. */
export function askedOf({ settings }: Pick<S3Session, "settings">): Asked {
  const { storageClass, serverSideEncryption, kmsKeyId } = settings
  return {
    ...(storageClass !== undefined && { StorageClass: storageClass as NonNullable<Asked["StorageClass"]> }),
    ...(serverSideEncryption !== undefined && { ServerSideEncryption: serverSideEncryption }),
    ...(kmsKeyId !== undefined && { SSEKMSKeyId: kmsKeyId }),
  }
}

/** What binds a write to what was seen before, as far as the server can. */
export function conditionOf(
  { abilities }: Pick<S3Session, "abilities">,
  replaces: string | null | undefined,
): Pick<PutObjectCommandInput, "IfMatch" | "IfNoneMatch"> {
  if (replaces === undefined) return {}
  if (replaces === null) return abilities.ifAbsent ? { IfNoneMatch: "*" } : {}
  if (abilities.ifMatch === null) return {}
  return { IfMatch: abilities.ifMatch === "quoted" ? `"${replaces}"` : replaces }
}
