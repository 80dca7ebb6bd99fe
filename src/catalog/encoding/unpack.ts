/** Reads what `pack.ts` wrote; the table of what each byte says stands there. */
import { WORDS } from "./words.ts"

const FIRST_WORD = 0x80
const FIRST_TAG = 0xc0
const LONG = 0xff
const DIGEST_BYTES = 32

/** Where the next value begins; nothing here waits, so one place is enough for all. */
let at = 0

/** The value that begins at `start`. The bytes were checked against their checksum before. */
export function unpack(bytes: Buffer, start: number): unknown {
  at = start
  return read(bytes)
}

function read(bytes: Buffer): unknown {
  const tag = bytes[at++]!
  if (tag < FIRST_WORD) return tag
  if (tag < FIRST_TAG) return WORDS[tag - FIRST_WORD]
  switch (tag) {
    case 0xc0:
      return null
    case 0xc1:
      return false
    case 0xc2:
      return true
    case 0xc3:
      return bytes[at++]! * 2 ** 8 + bytes[at++]!
    case 0xc4:
      return uint32(bytes)
    case 0xc5:
      return (bytes[at++]! * 2 ** 8 + bytes[at++]!) * 2 ** 32 + uint32(bytes)
    case 0xc6:
      return WORDS[bytes[at++]!]
    case 0xc7:
      return digest(bytes)
    case 0xc8:
      return `sha256:${digest(bytes)}`
    case 0xc9:
      return `blake3:${digest(bytes)}`
    case 0xca:
      return latin1(bytes)
    case 0xcb:
      return utf8(bytes)
    case 0xcc:
      return JSON.parse(utf8(bytes))
    case 0xcd:
      return array(bytes)
    case 0xce:
      return object(bytes)
    default:
      throw new RangeError(`The byte ${tag} begins no value.`)
  }
}

function array(bytes: Buffer): unknown[] {
  const length = readLength(bytes)
  const values: unknown[] = []
  for (let index = 0; index < length; index += 1) values.push(read(bytes))
  return values
}

function object(bytes: Buffer): Record<string, unknown> {
  const length = readLength(bytes)
  const values: Record<string, unknown> = {}
  for (let index = 0; index < length; index += 1) {
    const name = read(bytes) as string
    values[name] = read(bytes)
  }
  return values
}

function digest(bytes: Buffer): string {
  at += DIGEST_BYTES
  return bytes.toString("hex", at - DIGEST_BYTES, at)
}

function latin1(bytes: Buffer): string {
  const length = readLength(bytes)
  at += length
  return bytes.toString("latin1", at - length, at)
}

function utf8(bytes: Buffer): string {
  const length = readLength(bytes)
  at += length
  return bytes.toString("utf8", at - length, at)
}

function readLength(bytes: Buffer): number {
  const length = bytes[at++]!
  return length === LONG ? uint32(bytes) : length
}

function uint32(bytes: Buffer): number {
  return bytes[at++]! * 2 ** 24 + ((bytes[at++]! << 16) | (bytes[at++]! << 8) | bytes[at++]!)
}
