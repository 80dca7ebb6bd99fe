/** Byte ranges of reads: checked in one place, so that every driver refuses the same ones. */
import type { ByteRange } from "../core/blob-source.ts"
import { StoredError } from "../core/error.ts"

/**
 * The bytes to read of `size` bytes: all without a range; an end beyond the size is cut to it.
 * @throws StoredError INVALID_RANGE where the range starts beyond the end, ends before its start, or is no range of whole bytes
 */
export function resolveRange(range: ByteRange | undefined, size: number): ByteRange {
  if (!range) return { start: 0, end: size }
  const { start, end } = range
  // `end` may be Infinity: to the end of whatever is there.
  const whole = Number.isSafeInteger(start) && (Number.isSafeInteger(end) || end === Number.POSITIVE_INFINITY)
  if (!whole || start < 0 || end < start || start > size) {
    throw new StoredError("INVALID_RANGE", `Bytes ${start} to ${end} are no range of ${size} bytes; ask within them.`, {
      details: { start, end, size },
    })
  }
  return { start, end: Math.min(end, size) }
}
