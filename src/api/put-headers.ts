/**
 * The headers of an upload as options of `put`: content type, declared checksums, metadata, backends, durability and the wait for it.
 *
 * `X-Stored-Metadata` is one JSON object as text. Headers carry ASCII safely: other characters go as JSON escapes (`\u00e9`);
 * plain UTF-8 is understood too. All headers together have at most 16 KiB.
 */
import type { IncomingHttpHeaders } from "node:http"
import type { Checksums } from "../core/checksum.ts"
import { StoredError } from "../core/error.ts"
import { type JsonObject, parseMetadata } from "../core/json.ts"
import type { Durability, PutOptions } from "../store/store.ts"
import { mergeChecksums, parseChecksumField, parseDigestField } from "./digest.ts"
import { ONCE_HEADERS } from "./idempotency.ts"
import type { HeaderNotes } from "./route.ts"

/** What curl sends with `-d` and `--data-binary` when nobody named a type: it says nothing about the content. */
const IGNORED_TYPE = /^application\/x-www-form-urlencoded\b/i

export const DIGEST_HEADERS: HeaderNotes = {
  "x-stored-checksum": "checksums that the content must have: sha256:<hex>",
  "content-digest": "the same in the form of RFC 9530: sha-256=:<base64>:, or sha-512",
  "repr-digest": "likewise",
}

export const PUT_HEADERS: HeaderNotes = {
  "content-type": "kept, and told with the bytes",
  "x-stored-backends": "where copies should be: a,b",
  "x-stored-durability": "os, staged (default), copies:<n> or all",
  "x-stored-wait": "ms to wait for the copies that the durability asks for",
  "x-stored-metadata": "one JSON object, at most 64 KiB with all other headers",
  ...DIGEST_HEADERS,
  "if-none-match": "`*`: the key must not exist",
  "if-match": "the ETag or version that it must have",
  "x-stored-if-version": "the version that it must have, 0 for none",
  ...ONCE_HEADERS,
}

/** @throws StoredError INVALID_INPUT, INVALID_METADATA */
export function putHeaders(headers: IncomingHttpHeaders): PutOptions {
  refuseUnsupported(headers)
  const mimeType = headers["content-type"]
  const backends = single(headers, "x-stored-backends")
  const durability = single(headers, "x-stored-durability")
  const wait = single(headers, "x-stored-wait")
  const metadata = single(headers, "x-stored-metadata")
  const checksums = declaredChecksums(headers)
  return {
    ...(mimeType !== undefined && !IGNORED_TYPE.test(mimeType) && { mimeType }),
    ...(backends !== undefined && { backends: parseNames(backends) }),
    ...(durability !== undefined && { durability: parseDurability(durability) }),
    ...(wait !== undefined && { waitMs: parseWait(wait) }),
    ...(metadata !== undefined && { metadata: parseMetadataHeader(metadata) }),
    ...(Object.keys(checksums).length > 0 && { checksums }),
  }
}

/** Names with commas between them, as in `X-Stored-Backends: local, nas`. */
export function parseNames(field: string): string[] {
  return field
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "")
}

function refuseUnsupported(headers: IncomingHttpHeaders): void {
  const encoding = headers["content-encoding"]
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new StoredError(
      "INVALID_INPUT",
      "Bodies with a Content-Encoding are not taken; send the bytes as they are, or as a type of their own such as application/gzip.",
    )
  }
  if (headers["content-range"] !== undefined) {
    throw new StoredError("INVALID_INPUT", "A put takes the whole content; leave Content-Range out.")
  }
}

function declaredChecksums(headers: IncomingHttpHeaders): Checksums {
  const declared: Checksums[] = []
  for (const field of ["content-digest", "repr-digest"]) {
    const value = single(headers, field)
    if (value !== undefined) declared.push(parseDigestField(field, value))
  }
  const own = single(headers, "x-stored-checksum")
  if (own !== undefined) declared.push(parseChecksumField(own))
  return mergeChecksums(declared)
}

function parseDurability(text: string): Durability {
  if (isDurability(text)) return text
  throw new StoredError("INVALID_INPUT", `Invalid durability "${text}": use "staged", "os", "copies:<n>" or "all".`)
}

/** Milliseconds; what they may be is the store's to say. */
function parseWait(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text)
  throw new StoredError("INVALID_INPUT", `Invalid X-Stored-Wait "${text}": give a whole number of ms.`)
}

function isDurability(text: string): text is Durability {
  return /^(os|staged|all|copies:[1-9]\d{0,3})$/.test(text)
}

function parseMetadataHeader(text: string): JsonObject {
  try {
    // Node reads headers as latin1: the bytes as they came are UTF-8 or nothing.
    const utf8 = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(text, "latin1"))
    return parseMetadata(JSON.parse(utf8))
  } catch (cause) {
    if (cause instanceof StoredError) throw cause
    throw new StoredError(
      "INVALID_METADATA",
      'Invalid metadata: X-Stored-Metadata is not JSON; send an object such as {"album":"2026"}.',
      { cause },
    )
  }
}

function single(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(", ") : value
}
