/** The cursor of a listing: opaque to clients, the last key that was listed in base64url. */
import { StoredError } from "../core/error.ts"
import { keyFault } from "../core/key.ts"

export function writeCursor(key: string): string {
  return Buffer.from(key).toString("base64url")
}

/** @throws StoredError INVALID_INPUT */
export function readCursor(cursor: string): string {
  const bytes = Buffer.from(cursor, "base64url")
  const key = bytes.toString()
  if (bytes.toString("base64url") === cursor && Buffer.from(key).equals(bytes) && keyFault(key) === null) return key
  throw new StoredError("INVALID_INPUT", "The cursor is none that this server gave; start again without one.")
}
