/**
 * The headers under which a blob is served. Whatever was stored may be hostile to whoever opens it in a browser: the declared type is
 * never sniffed past, pages get no origin and no script, and only harmless kinds open in place.
 */
import { create } from "content-disposition"
import type { Metadata } from "../core/metadata.ts"
import { entityTag } from "./condition.ts"
import { reprDigest } from "./digest.ts"

const INLINE = [/^image\//, /^audio\//, /^video\//, /^text\/plain(?:;|$)/, /^application\/pdf$/]
/** Browsers take every type that ends so for a document, in which there may be script. */
const MARKUP = /^image\/svg|[+/]xml\s*(?:;|$)/
const SENDABLE_TYPE = /^[\x20-\x7e]+$/

/** Of everything that goes out as it was stored, in whatever packing. An address may be a secret: it goes nowhere else. */
export const UNTRUSTED_HEADERS = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox; default-src 'none'",
  "referrer-policy": "no-referrer",
}

export interface BlobHeaderOptions {
  immutable: boolean
  /** saved rather than shown, under this name, or its own where it is empty; null: as its type is */
  download?: string | null
}

/** Content length and range are the route's. */
export function blobHeaders(metadata: Metadata, options: BlobHeaderOptions): Record<string, string> {
  const { immutable, download = null } = options
  const type = SENDABLE_TYPE.test(metadata.mimeType) ? metadata.mimeType : "application/octet-stream"
  const digest = reprDigest(metadata.checksums)
  return {
    "content-type": type,
    etag: entityTag(metadata),
    // RFC 9110, 8.8.2: of what is served, which a copy more or less does not change.
    "last-modified": new Date(metadata.written).toUTCString(),
    "accept-ranges": "bytes",
    "cache-control": immutable ? "private, max-age=31536000, immutable" : "private, no-cache",
    ...UNTRUSTED_HEADERS,
    "content-disposition": disposition(download || fileName(metadata), download === null && opensInPlace(type)),
    "x-stored-version": String(metadata.version),
    ...(digest !== null && { "repr-digest": digest }),
  }
}

/** Whether a browser may show it. */
export function opensInPlace(mimeType: string): boolean {
  const type = mimeType.toLowerCase()
  return INLINE.some((kind) => kind.test(type)) && !MARKUP.test(type)
}

/** What it is called where it is saved. */
export function fileName({ key, id }: Pick<Metadata, "key" | "id">): string {
  return key === null ? id.replace(":", "-") : key.slice(key.lastIndexOf("/") + 1)
}

/** RFC 6266: a plain name for old clients, without what they read in different ways, and the real one beside it where that is another. */
export function disposition(name: string, inline: boolean): string {
  const fallback = name.replace(/[^\x20-\x7e]|["\\%]/g, "_")
  return create(name, { type: inline ? "inline" : "attachment", fallback })
}
