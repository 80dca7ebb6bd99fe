/**
 * Opens a data directory in the order that harms nobody: the format is looked at before anything is written, the owner's place is taken before
 * anything else is, and whatever fails on the way leaves things as they were.
 */
import { access } from "node:fs/promises"
import { join } from "node:path"
import type { Clock } from "../../core/clock.ts"
import { isStoredError, StoredError } from "../../core/error.ts"
import { seal, unseal } from "../encoding/value.ts"
import { FORMAT_KEY, TOTALS_KEY } from "../rows/tables.ts"
import { NO_TOTALS } from "../transitions/totals.ts"
import {
  type Env,
  openEnvironment,
  openShelf,
  openTable,
  type ShelfDatabase,
  type SubDatabase,
  syncDirectories,
} from "./environment.ts"
import { Ownership } from "./ownership.ts"
import { Reserve } from "./reserve.ts"
import { rowsExpected, SHELF_NAMES, type Shelf } from "./shelf.ts"
import { transact } from "./transact.ts"

const DATA_FILE = "data.mdb"
/** Version of everything on disk. A newer one is refused; an older one would be brought up here. */
export const FORMAT = 1

export type Shelves = Record<Shelf, ShelfDatabase>

export interface OpenedDirectory {
  env: Env
  tables: Shelves
  ownership: Ownership
  reserve: Reserve
  /** @param broken true where the catalog can no longer be written: the owner's name then stays, and counts as that of a dead process */
  close(broken: boolean): Promise<void>
}

export interface OpenOptions {
  directory: string
  clock: Clock
  address: string | null
  reserveBytes: number
  examine: boolean
}

/** @throws StoredError DATA_DIRECTORY_IN_USE, DATA_DIRECTORY_NEWER, DATA_DIRECTORY_UNUSABLE, CATALOG_CORRUPT, DISK_FULL */
export async function openDirectory(options: OpenOptions): Promise<OpenedDirectory> {
  const { directory, examine } = options
  if (examine) await requirePresent(directory)
  const env = await openEnvironment(directory)
  let ownership: Ownership | null = null
  try {
    const settings = openTable(env, directory, "settings")
    requireFormat(settings, directory)
    const reserve = new Reserve(directory, options.reserveBytes)
    ownership = await own(env, reserve, options)
    const tables = openShelves(env, directory)
    if (!examine) requireWhole(tables, directory)
    const isNew = settings.getBinary(FORMAT_KEY) === undefined
    if (isNew) await begin(env, directory, settings)
    if (!examine) await reserve.open()
    return { env, tables, ownership, reserve, close: closer(env, ownership) }
  } catch (error) {
    ownership?.abandon()
    await ownership?.release()
    await closeEnvironment(env)
    throw error
  }
}

/** Whoever only looks makes nothing. */
async function requirePresent(directory: string): Promise<void> {
  try {
    await access(join(directory, DATA_FILE))
  } catch (cause) {
    throw new StoredError(
      "DATA_DIRECTORY_UNUSABLE",
      `There is no catalog in ${directory}; name the data directory of a store that was opened before.`,
      { cause, details: { directory } },
    )
  }
}

function closer(env: Env, ownership: Ownership): OpenedDirectory["close"] {
  return async (broken) => {
    ownership.abandon()
    // After a failed commit LMDB never finishes closing; the end of the process does it.
    if (broken) return
    await ownership.release()
    await closeEnvironment(env)
  }
}

/** In a turn of its own: closing in the turn of a synchronous transaction, such as the one that opens a table, never ends. */
async function closeEnvironment(env: Env): Promise<void> {
  await new Promise((resume) => setImmediate(resume))
  await env.close()
}

async function own(env: Env, reserve: Reserve, options: OpenOptions): Promise<Ownership> {
  const { directory, clock, address } = options
  const table = openTable(env, directory, "owner")
  const ownership = new Ownership({
    table,
    clock,
    address,
    directory,
    transact: (action) => transact(env, directory, action),
  })
  try {
    await ownership.acquire()
  } catch (error) {
    // With a full disk the reserve is there for just this.
    if (!isStoredError(error) || error.code !== "DISK_FULL" || !(await reserve.release())) throw error
    await ownership.acquire()
  }
  return ownership
}

function openShelves(env: Env, directory: string): Shelves {
  return Object.fromEntries(SHELF_NAMES.map((name) => [name, openShelf(env, directory, name)])) as Shelves
}

function requireFormat(settings: SubDatabase, directory: string): void {
  const bytes = settings.getBinary(FORMAT_KEY)
  const format = bytes ? unseal("settings", FORMAT_KEY, bytes, bytes.length) : FORMAT
  if (format <= FORMAT) return
  throw new StoredError(
    "DATA_DIRECTORY_NEWER",
    `The data directory ${directory} has format ${format}, but this version reads up to ${FORMAT}; start a newer version of StoreD on it.`,
    { details: { directory, format, supported: FORMAT } },
  )
}

async function begin(env: Env, directory: string, settings: SubDatabase): Promise<void> {
  await transact(env, directory, () => void settings.put(FORMAT_KEY, seal("settings", FORMAT_KEY, FORMAT)))
  await syncDirectories(directory)
}

/** The counts of rows against the totals: a table that lost its rows is not taken for an empty one. */
function requireWhole(tables: Shelves, directory: string): void {
  const bytes = tables.counts.getBinary(TOTALS_KEY)
  const totals = bytes ? unseal("totals", TOTALS_KEY, bytes, bytes.length) : NO_TOTALS
  for (const [shelf, expected] of Object.entries(rowsExpected(totals))) {
    const { entryCount } = tables[shelf as Shelf].getStats() as { entryCount?: number }
    if (entryCount === expected) continue
    throw new StoredError(
      "CATALOG_CORRUPT",
      `The catalog's table ${shelf} has ${entryCount} rows, but ${expected} were committed; run "stored doctor --repair", or put a backup in the place of ${directory}.`,
      { details: { directory, table: shelf, rows: entryCount ?? null, expected } },
    )
  }
}
