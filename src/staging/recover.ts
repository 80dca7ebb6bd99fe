/**
 * Completes after a crash what the intake log promised: content that the catalog counts and that is missing or not whole is written again from
 * its record. The segments stay until that content is durable itself, so a crash here changes nothing.
 */
import { readFile } from "node:fs/promises"
import type { BlobId } from "../core/blob-id.ts"
import { splitBlobId } from "../core/blob-id.ts"
import type { HasherFactory } from "../core/checksum.ts"
import type { ContentFiles } from "./content-files.ts"
import { decodeRecords, type LogRecord } from "./log-record.ts"
import type { LogRetirement } from "./log-retirement.ts"
import { storageError } from "./system-error.ts"

export interface RecoverParts {
  files: ContentFiles
  hashers: HasherFactory
  retirement: LogRetirement
}

/** How many blobs were written again. @throws StoredError DISK_FULL, READ_ONLY, … */
export async function recoverSegment(
  parts: RecoverParts,
  path: string,
  wants: (id: BlobId) => boolean,
): Promise<number> {
  const segment = await readFile(path)
  const ids: BlobId[] = []
  let restored = 0
  for (const record of wantedRecords(parts.hashers, segment, wants)) {
    ids.push(record.id)
    if (restore(parts.files, record)) restored += 1
  }
  parts.retirement.add({ path, ids, length: segment.length }, { rested: true })
  return restored
}

/** The blobs that `recoverSegment` would write again if need be; for whoever only looks. */
export async function recoverable(
  hashers: HasherFactory,
  path: string,
  wants: (id: BlobId) => boolean,
): Promise<BlobId[]> {
  return Array.from(wantedRecords(hashers, await readFile(path), wants), ({ id }) => id)
}

/** The first genuine record of each blob. */
function* wantedRecords(hashers: HasherFactory, segment: Buffer, wants: (id: BlobId) => boolean): Generator<LogRecord> {
  const seen = new Set<BlobId>()
  for (const record of decodeRecords(segment)) {
    if (seen.has(record.id) || !wants(record.id) || !isGenuine(hashers, record)) continue
    seen.add(record.id)
    yield record
  }
}

function isGenuine(hashers: HasherFactory, { id, bytes }: LogRecord): boolean {
  const { algorithm, hex } = splitBlobId(id)
  return hashers.hash(algorithm, bytes) === hex
}

/** False where the content is there already. */
function restore(files: ContentFiles, { id, bytes }: LogRecord): boolean {
  try {
    if (files.compare(id, bytes).same) return false
    files.placeBytes(id, bytes)
    return true
  } catch (error) {
    throw storageError(error, `write ${id} again from its intake log`)
  }
}
