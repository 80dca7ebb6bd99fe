/**
 * What type of content a blob is said to be: what the caller says, else what the input itself declares, else by the name of the key or
 * of the file, else by well-known first bytes, else `application/octet-stream`. It is a label for readers; nothing here relies on it.
 */
import { posix } from "node:path"
import mime from "mime"
import { StoredError } from "../core/error.ts"

export const DEFAULT_MIME_TYPE = "application/octet-stream"
const MAX_LENGTH = 255

export interface MimeTypeHints {
  /** what the caller of `put` says; checked */
  explicit?: string | undefined
  /** what the input declares (`Blob.type`); passed over where it is malformed */
  declared?: string | null | undefined
  key?: string | null | undefined
  /** the name of the file that was put */
  name?: string | null | undefined
  /** the first bytes; 16 are enough */
  head?: Uint8Array | undefined
}

/** @throws StoredError INVALID_INPUT where the explicit type is malformed */
export function mimeTypeFor({ explicit, declared, key, name, head }: MimeTypeHints): string {
  if (explicit !== undefined) return parseMimeType(explicit)
  if (declared && isMimeType(declared)) return declared
  return byName(key) ?? byName(name) ?? (head && byFirstBytes(head)) ?? DEFAULT_MIME_TYPE
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
const TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?: ?; ?${TOKEN}=(?:${TOKEN}|"[ !#-\\[\\]-~]*"))*$`)

/** `type/subtype`, with parameters such as `; charset=utf-8`. @throws StoredError INVALID_INPUT */
export function parseMimeType(text: unknown): string {
  if (typeof text === "string" && isMimeType(text)) return text
  throw new StoredError(
    "INVALID_INPUT",
    `${JSON.stringify(String(text).slice(0, 100))} is not a content type; write it as type/subtype, e.g. image/png or text/plain; charset=utf-8.`,
  )
}

function isMimeType(text: string): boolean {
  return text.length <= MAX_LENGTH && TYPE.test(text)
}

/** Only an extension counts: `mime` would take a file that is named `png` for a picture. */
function byName(name: string | null | undefined): string | null {
  const extension = name ? posix.extname(name) : ""
  return extension.length > 1 ? mime.getType(extension) : null
}

/** [type, offset, bytes as latin1] */
const SIGNATURES: readonly (readonly [type: string, offset: number, bytes: string])[] = [
  ["image/png", 0, "\x89PNG\r\n\x1a\n"],
  ["image/jpeg", 0, "\xff\xd8\xff"],
  ["image/gif", 0, "GIF8"],
  ["image/webp", 8, "WEBP"],
  ["application/pdf", 0, "%PDF-"],
  ["application/zip", 0, "PK\x03\x04"],
  ["application/gzip", 0, "\x1f\x8b\x08"],
  ["application/zstd", 0, "\x28\xb5\x2f\xfd"],
  ["application/x-xz", 0, "\xfd7zXZ\0"],
  ["video/mp4", 4, "ftyp"],
  ["video/webm", 0, "\x1aE\xdf\xa3"],
  ["audio/mpeg", 0, "ID3"],
  ["audio/flac", 0, "fLaC"],
  ["audio/ogg", 0, "OggS"],
]

function byFirstBytes(head: Uint8Array): string | null {
  const start = Buffer.from(head.subarray(0, 16)).toString("latin1")
  return SIGNATURES.find(([, offset, bytes]) => start.startsWith(bytes, offset))?.[0] ?? null
}
