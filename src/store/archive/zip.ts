/**
 * A zip file, written as it is read: one member at a time, nothing of it held but the record of each file that the end repeats, some 120 bytes and its name.
 */
import { pipeline } from "node:stream"
import { crc32, createDeflateRaw } from "node:zlib"
import { isPacked } from "./archive-format.ts"
import { contentOf, type Member, type MemberFacts } from "./member.ts"
import {
  centralRecord,
  DEFLATED,
  dataDescriptor,
  endRecords,
  localHeader,
  STORED,
  type ZipContent,
  type ZipFile,
  zipFile,
} from "./zip-records.ts"

/** bytes */
const PIECE = 64 * 1024

/** @param level of zlib; 0 leaves bytes as they are */
export async function* zip(members: AsyncIterable<Member>, level: number): AsyncGenerator<Buffer> {
  const directory = new Directory()
  let offset = 0
  for await (const member of members) {
    const file = zipFile(member, methodFor(member, level))
    const content: ZipContent = { crc: 0, packed: 0, size: member.size, offset }
    const head = localHeader(file)
    yield head
    for await (const piece of packed(member, file, content, level)) {
      content.packed += piece.length
      yield piece
    }
    const tail = dataDescriptor(file, content)
    yield tail
    directory.add(centralRecord(file, content))
    offset += head.length + content.packed + tail.length
  }
  yield* directory.pages()
  yield endRecords(directory.files, { offset, size: directory.size })
}

/** Bytes of the whole, where nothing is compressed. */
export function zipSize(members: readonly MemberFacts[]): number {
  let offset = 0
  let size = 0
  for (const member of members) {
    const file = zipFile(member, STORED)
    const content = { crc: 0, packed: member.size, size: member.size, offset }
    size += centralRecord(file, content).length
    offset += localHeader(file).length + member.size + dataDescriptor(file, content).length
  }
  return offset + size + endRecords(members.length, { offset, size }).length
}

function methodFor({ size, mimeType }: Member, level: number): ZipFile["method"] {
  return level === 0 || size === 0 || isPacked(mimeType) ? STORED : DEFLATED
}

function packed(member: Member, file: ZipFile, content: ZipContent, level: number): AsyncIterable<Buffer> {
  const plain = checked(member, content)
  if (file.method === STORED) return plain
  // What breaks the content breaks the deflated stream, and so whoever reads it.
  return pipeline(plain, createDeflateRaw({ level, chunkSize: PIECE }), () => {})
}

async function* checked(member: Member, content: ZipContent): AsyncGenerator<Buffer> {
  for await (const chunk of contentOf(member)) {
    content.crc = crc32(chunk, content.crc)
    yield chunk
  }
}

/** The records of the central directory, in pages: a Buffer for each would take twice their bytes. */
class Directory {
  files = 0
  size = 0
  readonly #full: Buffer[] = []
  #page = Buffer.allocUnsafe(PIECE)
  #used = 0

  add(record: Buffer): void {
    if (this.#used + record.length > this.#page.length) {
      this.#full.push(this.#page.subarray(0, this.#used))
      this.#page = Buffer.allocUnsafe(PIECE)
      this.#used = 0
    }
    this.#used += record.copy(this.#page, this.#used)
    this.files += 1
    this.size += record.length
  }

  pages(): Buffer[] {
    return [...this.#full, this.#page.subarray(0, this.#used)]
  }
}
