/**
 * The bytes of a row: `[crc32 u32 big-endian][version u8][fields]`. The checksum covers the table, the version, the fields and the key, so that
 * a flipped bit, a value under the wrong key and a value in the wrong table are all noticed. The fields are one packed array (`pack.ts`).
 */
import { crc32 } from "node:zlib"
import { StoredError } from "../../core/error.ts"
import type { TableName, Tables } from "../rows/tables.ts"
import type { Fields } from "./codec.ts"
import { CODECS } from "./codecs.ts"
import { Packer } from "./pack.ts"
import { unpack } from "./unpack.ts"

const HEADER = 5
const VERSION_AT = 4
const JSON_ARRAY = "[".charCodeAt(0)
/** Most bytes of UTF-8 that one unit of a string can take. */
const BYTES_A_UNIT = 3

/** What the checksum of each table starts from. */
const SEEDS = Object.fromEntries(Object.keys(CODECS).map((table) => [table, crc32(table)])) as Record<TableName, number>

/** Seals rows one after the other into the same buffer, for whoever copies them out at once: a commit seals ten rows. */
export class Sealer {
  readonly #packer = new Packer()

  /** holds the row that was sealed last; another one when that did not fit */
  get bytes(): Buffer {
    return this.#packer.bytes
  }

  /** Returns the length of the row, which begins at 0. */
  seal<Name extends TableName>(table: Name, key: string, record: Tables[Name]): number {
    const codec = CODECS[table]
    const packer = this.#packer
    packer.at = HEADER
    packer.value(codec.encode(record, key))
    const end = packer.at
    packer.need(key.length * BYTES_A_UNIT)
    const { bytes } = packer
    bytes[VERSION_AT] = codec.version
    // The key stands behind the row for a moment, so that one pass is enough.
    const covered = end + bytes.write(key, end)
    bytes.writeUInt32BE(crc32(bytes.subarray(VERSION_AT, covered), SEEDS[table]), 0)
    return end
  }
}

const sealer = new Sealer()

/** A row in a buffer of its own. */
export function seal<Name extends TableName>(table: Name, key: string, record: Tables[Name]): Buffer {
  const length = sealer.seal(table, key, record)
  return Buffer.from(sealer.bytes.subarray(0, length))
}

/**
 * Reads what `seal` wrote from the first `length` bytes of a buffer, which may be reused afterwards.
 * @throws StoredError CATALOG_CORRUPT
 */
export function unseal<Name extends TableName>(table: Name, key: string, bytes: Buffer, length: number): Tables[Name] {
  const codec = CODECS[table]
  if (
    length <= HEADER ||
    bytes.readUInt32BE(0) !== crc32(key, crc32(bytes.subarray(VERSION_AT, length), SEEDS[table]))
  ) {
    throw corrupt(table, key, "does not have its checksum")
  }
  if (bytes[VERSION_AT]! > codec.version) throw corrupt(table, key, `has the unknown version ${bytes[VERSION_AT]}`)
  return codec.decode(fieldsOf(bytes, length), key)
}

function fieldsOf(bytes: Buffer, length: number): Fields {
  // Rows were JSON before they were packed; a packed array never begins so.
  if (bytes[HEADER] === JSON_ARRAY) return JSON.parse(bytes.toString("utf8", HEADER, length)) as Fields
  return unpack(bytes, HEADER) as Fields
}

/** A number that tells this row from others, and from itself as it was before: its checksum. */
export function printOf(bytes: Buffer): number {
  return bytes.readUInt32BE(0)
}

function corrupt(table: string, key: string, fault: string): StoredError {
  const shown = key.replaceAll("\u0000", " ")
  return new StoredError(
    "CATALOG_CORRUPT",
    `The row "${shown}" of the catalog's table ${table} ${fault}; stop the server and run "stored doctor".`,
    { details: { table, key: shown } },
  )
}
