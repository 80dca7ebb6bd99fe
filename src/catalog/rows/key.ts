/**
 * Keys of rows. Parts are joined by NUL, which no part contains, so that a prefix never matches half of a part. Numbers are written with a
 * fixed width, so that their order is the order of their bytes. Rows about one blob begin with its id and lie side by side.
 */
import type { BlobId } from "../../core/blob-id.ts"
import { StoredError } from "../../core/error.ts"

const SEPARATOR = "\u0000"
/** hex digits of the largest safe integer */
const DIGITS = 14
const LONGEST_KEY = 1024
const LONGEST_BACKEND = 64

export function numberKey(value: number): string {
  const whole = Math.min(Math.max(Math.floor(value), 0), Number.MAX_SAFE_INTEGER)
  return whole.toString(16).padStart(DIGITS, "0")
}

export function parseNumberKey(text: string): number {
  return Number.parseInt(text, 16)
}

/** The row of a namespace: the whole store has an empty prefix, and no row has an empty key. */
export function namespaceKey(prefix: string): string {
  return `/${prefix}`
}

export function splitNamespaceKey(row: string): string {
  return row.slice(1)
}

export function locationKey(backend: string, key: string): string {
  return backend + SEPARATOR + key
}

export function splitLocationKey(row: string): { backend: string; key: string } {
  const at = row.indexOf(SEPARATOR)
  return { backend: row.slice(0, at), key: row.slice(at + 1) }
}

/** Every key that names a blob begins so. */
export function namingPrefix(id: BlobId): string {
  return `${id}${SEPARATOR}k`
}

export function namingKey(id: BlobId, key: string): string {
  return namingPrefix(id) + key
}

/** Every location that wants a blob begins so. */
export function wantingPrefix(id: BlobId): string {
  return `${id}${SEPARATOR}l`
}

export function wantingKey(id: BlobId, backend: string, key: string): string {
  return wantingPrefix(id) + locationKey(backend, key)
}

/** The blob and the rest of a row that `namingKey` or `wantingKey` made. */
export function splitBlobRowKey(row: string): { id: BlobId; rest: string } {
  const at = row.indexOf(SEPARATOR)
  return { id: row.slice(0, at) as BlobId, rest: row.slice(at + 2) }
}

/** Which of the tables that lie side by side a row belongs to. */
export function blobRowTable(row: string): "blobs" | "objectsByBlob" | "locationsByBlob" {
  const at = row.indexOf(SEPARATOR)
  if (at < 0) return "blobs"
  return row[at + 1] === "k" ? "objectsByBlob" : "locationsByBlob"
}

export function checksumPrefix(algorithm: string, hex: string): string {
  return `${algorithm}:${hex}${SEPARATOR}`
}

export function checksumKey(algorithm: string, hex: string, id: BlobId): string {
  return checksumPrefix(algorithm, hex) + id
}

export function splitChecksumKey(row: string): { algorithm: string; hex: string; id: BlobId } {
  const [checksum = "", id = ""] = row.split(SEPARATOR)
  const colon = checksum.indexOf(":")
  return { algorithm: checksum.slice(0, colon), hex: checksum.slice(colon + 1), id: id as BlobId }
}

export function duePrefix(queue: string): string {
  return queue + SEPARATOR
}

export function dueKey(queue: string, dueAt: number, sequence: number): string {
  return duePrefix(queue) + numberKey(dueAt) + numberKey(sequence)
}

export function splitDueKey(row: string): { queue: string; dueAt: number; sequence: number } {
  const at = row.indexOf(SEPARATOR)
  const numbers = row.slice(at + 1)
  return {
    queue: row.slice(0, at),
    dueAt: parseNumberKey(numbers.slice(0, DIGITS)),
    sequence: parseNumberKey(numbers.slice(DIGITS)),
  }
}

export function evictableKey(lastRead: number, id: BlobId): string {
  return numberKey(lastRead) + SEPARATOR + id
}

export function splitEvictableKey(row: string): { lastRead: number; id: BlobId } {
  const at = row.indexOf(SEPARATOR)
  return { lastRead: parseNumberKey(row.slice(0, at)), id: row.slice(at + 1) as BlobId }
}

/**
 * The last check before text becomes part of a row's key: one bad key must not fail the commits that share its transaction.
 * @throws StoredError INVALID_KEY
 */
export function requireStorableKey(key: string): void {
  requireStorable("key", key, LONGEST_KEY)
}

/** @throws StoredError INVALID_KEY */
export function requireStorableBackend(name: string): void {
  requireStorable("backend name", name, LONGEST_BACKEND)
}

function requireStorable(what: string, text: string, longest: number): void {
  const bytes = text.length > longest / 3 ? Buffer.byteLength(text) : text.length
  if (text !== "" && bytes <= longest && !text.includes(SEPARATOR) && text.isWellFormed()) return
  throw new StoredError(
    "INVALID_KEY",
    `The catalog cannot keep the ${what} ${JSON.stringify(text.slice(0, 80))}: use 1 to ${longest} bytes of well-formed text without NUL.`,
  )
}
