/**
 * The records of a zip file that is written from its beginning to its end (APPNOTE 6.3.10). Sizes and checksum of a file follow it, as the checksum is not known before; what is 4 GiB or more,
 * or lies behind the first 4 GiB, is told in zip64 fields, and an archive of 65,535 files or more has the zip64 end.
 */
import type { MemberFacts } from "./member.ts"

export const STORED = 0
export const DEFLATED = 8

export interface ZipFile {
  name: Buffer
  /** UTC ms */
  modified: number
  method: typeof STORED | typeof DEFLATED
  /** whether its sizes have eight bytes; settled before they are known */
  isLarge: boolean
}

export interface ZipContent {
  crc: number
  /** bytes, as they are in the archive */
  packed: number
  /** bytes */
  size: number
  /** where its local header begins */
  offset: number
}

const LARGEST_32 = 0xffff_ffff
const LARGEST_16 = 0xffff
/** Deflated bytes can be a little more than the plain ones. */
const LARGE = 0xf000_0000
/** the sizes follow, names are UTF-8 */
const FLAGS = 0x0808
const VERSION = 20
const VERSION_64 = 45
const UNIX = 3 << 8
/** a regular file that its owner may write and everybody may read */
const ATTRIBUTES = (0o100644 << 16) >>> 0

export function zipFile({ name, size, modified }: MemberFacts, method: ZipFile["method"]): ZipFile {
  return { name: Buffer.from(name), modified, method, isLarge: size >= LARGE }
}

export function localHeader({ name, modified, method, isLarge }: ZipFile): Buffer {
  const extra = Buffer.concat([timeField(modified), ...(isLarge ? [field64([0, 0])] : [])])
  const head = Buffer.alloc(30)
  head.writeUInt32LE(0x04034b50, 0)
  head.writeUInt16LE(isLarge ? VERSION_64 : VERSION, 4)
  head.writeUInt16LE(FLAGS, 6)
  head.writeUInt16LE(method, 8)
  head.writeUInt32LE(dosTime(modified), 10)
  // Sizes and checksum follow the content; the zip64 field says that eight bytes are used for each size.
  head.writeUInt32LE(isLarge ? LARGEST_32 : 0, 18)
  head.writeUInt32LE(isLarge ? LARGEST_32 : 0, 22)
  head.writeUInt16LE(name.length, 26)
  head.writeUInt16LE(extra.length, 28)
  return Buffer.concat([head, name, extra])
}

export function dataDescriptor({ isLarge }: ZipFile, { crc, packed, size }: ZipContent): Buffer {
  const record = Buffer.alloc(isLarge ? 24 : 16)
  record.writeUInt32LE(0x08074b50, 0)
  record.writeUInt32LE(crc, 4)
  if (isLarge) {
    record.writeBigUInt64LE(BigInt(packed), 8)
    record.writeBigUInt64LE(BigInt(size), 16)
  } else {
    record.writeUInt32LE(packed, 8)
    record.writeUInt32LE(size, 12)
  }
  return record
}

export function centralRecord({ name, modified, method, isLarge }: ZipFile, content: ZipContent): Buffer {
  const { crc, packed, size, offset } = content
  const isFar = offset >= LARGEST_32
  const wide = [...(isLarge ? [size, packed] : []), ...(isFar ? [offset] : [])]
  const extra = Buffer.concat([timeField(modified), ...(wide.length > 0 ? [field64(wide)] : [])])
  const head = Buffer.alloc(46)
  head.writeUInt32LE(0x02014b50, 0)
  head.writeUInt16LE(UNIX | VERSION_64, 4)
  head.writeUInt16LE(wide.length > 0 ? VERSION_64 : VERSION, 6)
  head.writeUInt16LE(FLAGS, 8)
  head.writeUInt16LE(method, 10)
  head.writeUInt32LE(dosTime(modified), 12)
  head.writeUInt32LE(crc, 16)
  head.writeUInt32LE(isLarge ? LARGEST_32 : packed, 20)
  head.writeUInt32LE(isLarge ? LARGEST_32 : size, 24)
  head.writeUInt16LE(name.length, 28)
  head.writeUInt16LE(extra.length, 30)
  head.writeUInt32LE(ATTRIBUTES, 38)
  head.writeUInt32LE(isFar ? LARGEST_32 : offset, 42)
  return Buffer.concat([head, name, extra])
}

/** @param central where the central directory begins and how long it is, bytes */
export function endRecords(files: number, central: { offset: number; size: number }): Buffer {
  const { offset, size } = central
  const isLarge = files >= LARGEST_16 || size >= LARGEST_32 || offset >= LARGEST_32
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(Math.min(files, LARGEST_16), 8)
  end.writeUInt16LE(Math.min(files, LARGEST_16), 10)
  end.writeUInt32LE(Math.min(size, LARGEST_32), 12)
  end.writeUInt32LE(Math.min(offset, LARGEST_32), 16)
  return isLarge ? Buffer.concat([end64(files, offset, size), end]) : end
}

function end64(files: number, offset: number, size: number): Buffer {
  const record = Buffer.alloc(56 + 20)
  record.writeUInt32LE(0x06064b50, 0)
  record.writeBigUInt64LE(44n, 4)
  record.writeUInt16LE(UNIX | VERSION_64, 12)
  record.writeUInt16LE(VERSION_64, 14)
  record.writeBigUInt64LE(BigInt(files), 24)
  record.writeBigUInt64LE(BigInt(files), 32)
  record.writeBigUInt64LE(BigInt(size), 40)
  record.writeBigUInt64LE(BigInt(offset), 48)
  // Where that record is.
  record.writeUInt32LE(0x07064b50, 56)
  record.writeBigUInt64LE(BigInt(offset + size), 64)
  record.writeUInt32LE(1, 72)
  return record
}

/** The zip64 field, with the values whose own places are full. */
function field64(values: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + 8 * values.length)
  field.writeUInt16LE(0x0001, 0)
  field.writeUInt16LE(8 * values.length, 2)
  for (const [index, value] of values.entries()) field.writeBigUInt64LE(BigInt(value), 4 + 8 * index)
  return field
}

/** The time in seconds of UTC, for those who read it: the other one knows no zone and only every second second. */
function timeField(modified: number): Buffer {
  const field = Buffer.alloc(9)
  field.writeUInt16LE(0x5455, 0)
  field.writeUInt16LE(5, 2)
  field.writeUInt8(1, 4)
  field.writeInt32LE(Math.min(Math.max(0, Math.floor(modified / 1000)), 0x7fff_ffff), 5)
  return field
}

const EARLIEST = Date.UTC(1980, 0, 1)
const LATEST = Date.UTC(2107, 11, 31, 23, 59, 58)

/** Time in the lower, date in the upper half; of UTC, so that an archive is the same wherever it is made. */
function dosTime(modified: number): number {
  const date = new Date(Math.min(Math.max(EARLIEST, modified), LATEST))
  const time = (date.getUTCHours() << 11) | (date.getUTCMinutes() << 5) | (date.getUTCSeconds() >> 1)
  const day = ((date.getUTCFullYear() - 1980) << 9) | ((date.getUTCMonth() + 1) << 5) | date.getUTCDate()
  return ((day << 16) | time) >>> 0
}
