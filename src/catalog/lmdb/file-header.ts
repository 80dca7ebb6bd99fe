/**
 * Looks at a data file before LMDB does: LMDB maps what it is given into memory, and a file that is no database, or lacks the pages it begins
 * with, would end the whole process instead of raising an error.
 */
import { open } from "node:fs/promises"
import { join } from "node:path"
import { StoredError } from "../../core/error.ts"

/** Where the fields of a meta page stand, in bytes; there are two such pages. */
const MAGIC_AT = 24
const PAGE_SIZE_AT = 48
const ROOTS_AT = [88, 136]
const TRANSACTION_AT = 152
const META_BYTES = 160
const MAGIC = 0xbeefc0de
const NO_PAGE = 0xffff_ffff_ffff_ffffn

/** @throws StoredError CATALOG_CORRUPT */
export async function requireLmdbFile(directory: string): Promise<void> {
  const path = join(directory, "data.mdb")
  const file = await openIfThere(path)
  if (!file) return
  try {
    if ((await file.stat()).size === 0) return
    const first = await readMeta(file, 0)
    const pageSize = first.readUInt32LE(PAGE_SIZE_AT)
    if (!isMeta(first) || pageSize < 512 || pageSize > 65_536) throw notDatabase(path)
    const second = await readMeta(file, pageSize)
    if (!isMeta(second)) throw notDatabase(path)
    // Looked at last: whoever uses the file at this moment lets it grow before a meta page says so, and must not be told of as damage.
    const { size } = await file.stat()
    const newest = transactionOf(second) > transactionOf(first) ? second : first
    for (const at of ROOTS_AT) {
      const root = newest.readBigUInt64LE(at)
      if (root !== NO_PAGE && (root + 1n) * BigInt(pageSize) > BigInt(size)) throw notDatabase(path)
    }
  } finally {
    await file.close()
  }
}

async function openIfThere(path: string) {
  try {
    return await open(path, "r")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null
    throw error
  }
}

async function readMeta(file: Awaited<ReturnType<typeof open>>, position: number): Promise<Buffer> {
  const bytes = Buffer.alloc(META_BYTES)
  await file.read(bytes, 0, META_BYTES, position)
  return bytes
}

function isMeta(bytes: Buffer): boolean {
  return bytes.readUInt32LE(MAGIC_AT) === MAGIC
}

function transactionOf(meta: Buffer): bigint {
  return meta.readBigUInt64LE(TRANSACTION_AT)
}

function notDatabase(path: string): StoredError {
  return new StoredError(
    "CATALOG_CORRUPT",
    `${path} is not a whole catalog file; put the file of a backup there, or move it away to begin with an empty catalog.`,
    { details: { path } },
  )
}
