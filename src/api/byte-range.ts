/**
 * The `Range` header (RFC 9110 §14): one range or suffix of bytes. Several ranges, other units and malformed values are
 * answered with the whole, as the RFC allows; a range that begins behind the end is INVALID_RANGE (416).
 */
import type { ByteRange } from "../core/blob-source.ts"
import { StoredError } from "../core/error.ts"

/** @param size of the whole, in bytes. Null: serve the whole. @throws StoredError INVALID_RANGE, `details.size` */
export function parseRange(header: string | undefined, size: number): ByteRange | null {
  const match = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? "")
  if (!match || (match[1] === "" && match[2] === "")) return null
  if (match[1] === "") {
    const length = Math.min(Number(match[2]), size)
    if (length === 0) throw unsatisfiable(size)
    return { start: size - length, end: size }
  }
  const start = Number(match[1])
  const end = match[2] === "" ? size : Math.min(Number(match[2]) + 1, size)
  if (match[2] !== "" && Number(match[2]) < start) return null
  if (start >= size) throw unsatisfiable(size)
  return { start, end }
}

function unsatisfiable(size: number): StoredError {
  return new StoredError("INVALID_RANGE", `The range is not within the ${size} bytes that there are.`, {
    details: { size },
  })
}
