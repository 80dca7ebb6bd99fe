/**
 * The headers under which a blob is served. Whatever was stored may be hostile to whoever opens it in a browser: the declared type is
 * never sniffed past, pages get no origin and no script, and only harmless kinds open in place.
 */
import type { Metadata } from "../core/metadata.ts"
import { entityTag } from "./condition.ts"
import { reprDigest } from "./digest.ts"

const INLINE = [/^image\/(?!svg)/, /^audio\//, /^video\//, /^text\/plain(?:;|$)/, /^application\/pdf$/]
const SENDABLE_TYPE = /^[\x20-\x7e]+$/

/** Content length and range are the route's. */
export function blobHeaders(metadata: Metadata, options: { immutable: boolean }): Record<string, string> {
  const type = SENDABLE_TYPE.test(metadata.mimeType) ? metadata.mimeType : "application/octet-stream"
  const digest = reprDigest(metadata.checksums)
  return {
    "content-type": type,
    etag: entityTag(metadata),
    "last-modified": new Date(metadata.modified).toUTCString(),
    "accept-ranges": "bytes",
    "cache-control": options.immutable ? "private, max-age=31536000, immutable" : "private, no-cache",
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox; default-src 'none'",
    "content-disposition": disposition(
      metadata,
      INLINE.some((kind) => kind.test(type.toLowerCase())),
    ),
    "x-stored-version": String(metadata.version),
    ...(digest !== null && { "repr-digest": digest }),
  }
}

/** RFC 6266: a plain name for old clients, the real one percent-encoded beside it. */
function disposition(metadata: Metadata, inline: boolean): string {
  const name =
    metadata.key === null ? metadata.id.replace(":", "-") : metadata.key.slice(metadata.key.lastIndexOf("/") + 1)
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, "_")
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
  return `${inline ? "inline" : "attachment"}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
