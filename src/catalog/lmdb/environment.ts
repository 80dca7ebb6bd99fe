/**
 * Opens the LMDB environment of a data directory. One setting differs from the library's defaults for what it does when a commit fails: with
 * `eventTurnBatching` a second promise is rejected that nobody can see, which ends the process. Turning it off costs no speed here, because the
 * commit queue makes the batches. The rest follows the rules of docs/catalog-format.md.
 */
import { open as openFile, stat, statfs } from "node:fs/promises"
import { dirname, join } from "node:path"
import {
  type Database,
  type DatabaseOptions,
  type GetOptions,
  open,
  type RootDatabase,
  type RootDatabaseOptions,
} from "lmdb"
import { StoredError } from "../../core/error.ts"
import { makeDirectory } from "../../core/make-directory.ts"
import { Sealer } from "../encoding/value.ts"
import type { TableName, Tables } from "../rows/tables.ts"
import { codeOf, unusable } from "./failure.ts"
import { requireLmdbFile } from "./file-header.ts"

export type Env = RootDatabase<Buffer, string>
export type SubDatabase = Database<Buffer, string>

/** Keys are written as plain UTF-8, whose byte order is the order of keys. */
const KEYS = {
  encoding: "binary",
  keyEncoder: {
    writeKey: (key: string, target: Buffer, start: number): number => start + target.write(key, start, "utf8"),
    readKey: (source: Buffer, start: number, end: number): string => source.toString("utf8", start, end),
  },
} as const satisfies Partial<RootDatabaseOptions>

/** Longest key in bytes that LMDB takes with pages of 4 KiB. */
export const LONGEST_KEY_BYTES = 1978
/** Leaves room for tables of later versions. */
const MOST_TABLES = 32
/**
 * Addresses reserved at the start, not memory or disk. Every time LMDB outgrows its map it makes a larger one and keeps the old: the same pages are
 * then resident several times over (81 MiB for a file of 37 MiB, measured). Beyond this it still grows.
 */
const MAP_BYTES = 2 ** 36

/** @throws StoredError DATA_DIRECTORY_UNUSABLE, CATALOG_CORRUPT, DISK_FULL */
export async function openEnvironment(directory: string): Promise<Env> {
  try {
    await makeDirectory(directory)
    await requireLmdbFile(directory)
    await requireRoomForLock(directory)
    return open<Buffer, string>({
      ...KEYS,
      path: directory,
      // A directory whatever its name looks like.
      noSubdir: false,
      maxDbs: MOST_TABLES,
      eventTurnBatching: false,
      mapSize: MAP_BYTES,
    })
  } catch (error) {
    throw unusable(directory, error)
  }
}

/** What the lock file takes, and a first transaction. */
const LOCK_ROOM = 256 * 2 ** 10

/**
 * LMDB makes its lock file with a hole in it and fills that by writing to memory. Where the disk has no room then, the kernel ends the process;
 * nobody is told. @throws StoredError DISK_FULL
 */
async function requireRoomForLock(directory: string): Promise<void> {
  const lock = await stat(join(directory, "lock.mdb")).catch((error: unknown) => {
    if (codeOf(error) === "ENOENT") return null
    throw error
  })
  // Its first page, which holds all that one process uses, is there from an earlier time.
  if (lock && lock.blocks > 0) return
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize >= LOCK_ROOM) return
  throw new StoredError(
    "DISK_FULL",
    `The disk of ${directory} is full; free space there, or choose another data directory.`,
    {
      retryable: true,
      details: { directory },
    },
  )
}

/** What a shelf is given to write. */
export interface ShelfRow {
  table: TableName
  key: string
  record: Tables[TableName]
}

/** The library's types do not say that it takes options there. */
export type ShelfDatabase = Database<ShelfRow, string> & {
  getBinaryFast(key: string, options: GetOptions): Buffer | undefined
}

/** Seals straight into the buffer that LMDB copies from, so that a row is not copied twice. Only for writes inside a transaction. */
class ShelfEncoder {
  /** tells lmdb that what `encode` gives may be used again after the call */
  readonly copyBuffers = true
  readonly #sealer = new Sealer()

  encode({ table, key, record }: ShelfRow): Buffer & { start: number; end: number } {
    const end = this.#sealer.seal(table, key, record)
    return Object.assign(this.#sealer.bytes, { start: 0, end })
  }

  /** The bytes as they are; they cannot be checked without their key. */
  decode(bytes: Buffer, size: number): Buffer {
    return Buffer.from(bytes.subarray(0, size))
  }
}

/** Opens a table of sealed rows, and makes it where it is not there yet. */
export function openShelf(env: Env, directory: string, name: string): ShelfDatabase {
  try {
    return env.openDB<ShelfRow, string>(name, { ...KEYS, encoder: new ShelfEncoder() } as DatabaseOptions)
  } catch (error) {
    throw unusable(directory, error)
  }
}

/** Opens a table of plain bytes, and makes it where it is not there yet. */
export function openTable(env: Env, directory: string, name: string): SubDatabase {
  try {
    return env.openDB<Buffer, string>(name, { ...KEYS })
  } catch (error) {
    throw unusable(directory, error)
  }
}

/** Makes the names of new files survive a power cut. */
export async function syncDirectories(directory: string): Promise<void> {
  for (const path of [directory, dirname(directory)]) {
    const handle = await openFile(path, "r")
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}
