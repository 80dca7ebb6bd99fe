/**
 * A tar file in the form of POSIX 2001, written as it is read: one member at a time, nothing held. What the plain header has no room for (names over 100 bytes or beyond ASCII, 8 GiB and more) goes
 * into an extended one before it.
 */
import { contentOf, type Member, type MemberFacts } from "./member.ts"

const BLOCK = 512
const NAME_BYTES = 100
/** eleven octal digits */
const LARGEST = 8 ** 11 - 1
const ASCII = /^[\u0020-\u007e]*$/
const END = Buffer.alloc(2 * BLOCK)

export async function* tar(members: AsyncIterable<Member>): AsyncGenerator<Buffer> {
  for await (const member of members) {
    yield tarHeader(member)
    yield* contentOf(member)
    const rest = padding(member.size)
    if (rest > 0) yield END.subarray(0, rest)
  }
  yield END
}

/** Bytes of the whole. */
export function tarSize(members: readonly MemberFacts[]): number {
  let size = END.length
  for (const member of members) size += tarHeader(member).length + member.size + padding(member.size)
  return size
}

function tarHeader({ name, size, modified }: MemberFacts): Buffer {
  const extended = [
    ...(name.length > NAME_BYTES || !ASCII.test(name) ? [paxRecord("path", name)] : []),
    ...(size > LARGEST ? [paxRecord("size", String(size))] : []),
  ]
  const plain = block({ name, size: size > LARGEST ? 0 : size, modified, type: "0" })
  if (extended.length === 0) return plain
  const body = Buffer.concat(extended)
  const head = block({ name: "PaxHeader/entry", size: body.length, modified, type: "x" })
  return Buffer.concat([head, body, END.subarray(0, padding(body.length)), plain])
}

function block(header: Pick<MemberFacts, "name" | "size" | "modified"> & { type: string }): Buffer {
  const bytes = Buffer.alloc(BLOCK)
  // As much as there is room for, and never half a letter.
  new TextEncoder().encodeInto(header.name, bytes.subarray(0, NAME_BYTES))
  bytes.write(octal(0o644, 7), 100)
  bytes.write(octal(0, 7), 108)
  bytes.write(octal(0, 7), 116)
  bytes.write(octal(header.size, 11), 124)
  bytes.write(octal(Math.min(Math.max(0, Math.floor(header.modified / 1000)), LARGEST), 11), 136)
  bytes.write(header.type, 156)
  bytes.write("ustar\u000000", 257)
  bytes.write(`${octal(checksum(bytes), 6)}\u0000 `, 148)
  return bytes
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0")
}

/** Of a header whose own place for it counts as blanks. */
function checksum(bytes: Buffer): number {
  let sum = 8 * 0x20
  for (const byte of bytes) sum += byte
  return sum
}

/** `<length> <name>=<value>` and a line feed; the length counts itself. */
function paxRecord(name: string, value: string): Buffer {
  const bare = Buffer.byteLength(` ${name}=${value}\n`)
  let length = bare + String(bare).length
  if (bare + String(length).length > length) length = bare + String(length).length
  return Buffer.from(`${length} ${name}=${value}\n`)
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK
}
