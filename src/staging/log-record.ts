/**
 * One record of the intake log: 48 bytes of header, then the content. `docs/staging-format.md` has the table.
 *
 * The checksum covers header and content, so a record is whole or it is none; a log that was cut anywhere yields the records before the cut.
 */
import { crc32 } from "node:zlib"
import { type BlobId, blobId, splitBlobId } from "../core/blob-id.ts"
import type { IdAlgorithm } from "../core/checksum.ts"

export const HEADER_BYTES = 48
export const RECORD_VERSION = 1

const MAGIC = Buffer.from("StLg", "latin1")
const ALGORITHM_CODE: Readonly<Record<IdAlgorithm, number>> = { sha256: 1, blake3: 2 }
const ALGORITHM_OF: Readonly<Record<number, IdAlgorithm>> = { 1: "sha256", 2: "blake3" }

export interface LogRecord {
  id: BlobId
  bytes: Uint8Array
}

/** Writes a record into `target` at `offset`, which has room for header and content. Where the next one goes. */
export function encodeRecord(target: Buffer, offset: number, { id, bytes }: LogRecord): number {
  const { algorithm, hex } = splitBlobId(id)
  MAGIC.copy(target, offset)
  target.writeUInt32LE(RECORD_VERSION | (ALGORITHM_CODE[algorithm] << 8), offset + 4)
  target.writeUInt32LE(bytes.length, offset + 8)
  target.write(hex, offset + 16, 32, "hex")
  target.set(bytes, offset + HEADER_BYTES)
  const end = offset + HEADER_BYTES + bytes.length
  target.writeUInt32LE(checksum(target, offset, end), offset + 12)
  return end
}

/**
 * The whole records of a segment, in order. What is no record is passed over up to the next one: damage in one place does not take what comes
 * after it. (Content may look like a record; whoever uses one compares the bytes with the id.)
 */
export function* decodeRecords(segment: Buffer): Generator<LogRecord> {
  for (let offset = segment.indexOf(MAGIC); offset >= 0; ) {
    const found = decodeRecord(segment, offset)
    if (found) yield found.record
    offset = segment.indexOf(MAGIC, found ? found.end : offset + 1)
  }
}

function decodeRecord(segment: Buffer, offset: number): { record: LogRecord; end: number } | null {
  const start = offset + HEADER_BYTES
  if (start > segment.length) return null
  const kind = segment.readUInt32LE(offset + 4)
  const algorithm = ALGORITHM_OF[kind >>> 8]
  const end = start + segment.readUInt32LE(offset + 8)
  if ((kind & 0xff) !== RECORD_VERSION || !algorithm || end > segment.length) return null
  if (segment.readUInt32LE(offset + 12) !== checksum(segment, offset, end)) return null
  const id = blobId(algorithm, segment.toString("hex", offset + 16, start))
  return { record: { id, bytes: segment.subarray(start, end) }, end }
}

/** CRC-32 of a record without its own four bytes. */
function checksum(segment: Buffer, offset: number, end: number): number {
  return crc32(segment.subarray(offset + 16, end), crc32(segment.subarray(offset, offset + 12)))
}
