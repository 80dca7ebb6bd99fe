/** The paths of names. They are checked here already: a proxy or a URL would climb by a `..` before the server could refuse it. */
import { parseChecksumReference } from "../core/blob-id.ts"
import { parseKey } from "../core/key.ts"

/** Of the bytes, by key, id or checksum. @throws StoredError INVALID_KEY */
export function contentPath(idOrKey: string): string {
  return `${isReference(idOrKey) ? "/v1/blobs/" : "/v1/objects/"}${encodeName(idOrKey)}`
}

/** @throws StoredError INVALID_KEY */
export function objectPath(key: string): string {
  return `/v1/objects/${encodePath(parseKey(key))}`
}

/** `idOrKey` as the tail of a path. @throws StoredError INVALID_KEY */
export function encodeName(idOrKey: string): string {
  return isReference(idOrKey) ? idOrKey : encodePath(parseKey(idOrKey))
}

function isReference(name: unknown): boolean {
  return typeof name === "string" && parseChecksumReference(name) !== null
}

function encodePath(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/")
}
